/** One transaction at a time on a connection, and nothing of anybody else's within it. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { BusyError, usage } from './errors';

export class Lane {
    private readonly within = new AsyncLocalStorage<object>();
    private current: object | undefined;
    private waiting: (() => void)[] = [];

    /** Is this called from within the transaction that is open? */
    get inside(): boolean {
        return this.current !== undefined && this.within.getStore() === this.current;
    }

    /** Is nobody else's transaction open? */
    get free(): boolean {
        return this.current === undefined || this.inside;
    }

    /** Until no transaction is open but the one that this is called from. */
    async clear(timeoutMs: number): Promise<void> {
        const deadline = performance.now() + timeoutMs;
        while (!this.free) {
            const wait = deadline - performance.now();
            if (wait <= 0)
                throw new BusyError(`this connection is in a transaction of other code; gave up after ${timeoutMs / 1000} s`);
            await new Promise<void>((resolve) => {
                const timer = setTimeout(resolve, wait);
                this.waiting.push(() => {
                    clearTimeout(timer);
                    resolve();
                });
            });
        }
    }

    /** BEGIN, `fn`, COMMIT; ROLLBACK where `fn` or COMMIT throws. */
    async transaction<T>(timeoutMs: number, run: (sql: string) => Promise<unknown>, fn: () => Promise<T>): Promise<T> {
        if (this.inside) throw usage('a transaction within a transaction is not possible');
        await this.clear(timeoutMs);
        const mine = (this.current = {});
        try {
            return await this.within.run(mine, async () => {
                await run('BEGIN TRANSACTION');
                let result: T;
                try {
                    result = await fn();
                } catch (error) {
                    await run('ROLLBACK').catch(() => undefined); // it may be over already
                    throw error;
                }
                await run('COMMIT');
                return result;
            });
        } finally {
            this.current = undefined;
            const waiting = this.waiting;
            this.waiting = [];
            for (const wake of waiting) wake();
        }
    }
}
