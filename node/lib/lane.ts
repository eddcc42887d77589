/** What is called on a connection happens in the order of the calls, and within a transaction nothing of anybody else's. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { BusyError, usage } from './errors';

/** Calls, one after the other: those outside of transactions, or those within one. */
class Queue {
    /** Settles when all that was called is done. */
    all = Promise.resolve();
    /** The same, up to the last transaction. */
    transactions = this.all;
    /** How many transactions are open or to come. */
    pending = 0;

    /** Takes the next place. Returns what gives it up. */
    place(): () => void {
        let done = (): void => undefined;
        const mine = new Promise<void>((resolve) => {
            done = resolve;
        });
        this.all = this.all.then(() => mine);
        return done;
    }
}

export class Lane {
    private readonly within = new AsyncLocalStorage<Queue>();
    private readonly outside = new Queue();
    private current: Queue | undefined;

    /** Is this called from within the transaction that is open? */
    get inside(): boolean {
        return this.current !== undefined && this.within.getStore() === this.current;
    }

    /** Until no transaction that began before this call is open but the one that this is called from. */
    async clear(timeoutMs: number): Promise<void> {
        if (this.inside || this.outside.pending === 0) return;
        let timer: NodeJS.Timeout | undefined;
        const patience = new Promise<never>((_, reject) => {
            timer = setTimeout(() => {
                reject(new BusyError(`this connection is in a transaction of other code; gave up after ${timeoutMs / 1000} s`));
            }, timeoutMs);
        });
        try {
            await Promise.race([this.outside.transactions, patience]);
        } finally {
            clearTimeout(timer);
        }
    }

    /** `before` of `work` settles when all that was called earlier is done; what can go on beside that need not wait for it. */
    async statement<T>(timeoutMs: number, work: (before: Promise<void>) => Promise<T>): Promise<T> {
        const queue = this.inside && this.current ? this.current : this.outside;
        const before = queue.all;
        const done = queue.place();
        try {
            if (queue.pending > 0) await this.clear(timeoutMs);
            return await work(before);
        } finally {
            done();
        }
    }

    /** BEGIN, `fn`, COMMIT; ROLLBACK where `fn` or COMMIT throws. */
    async transaction<T>(timeoutMs: number, run: (sql: string) => Promise<unknown>, fn: () => Promise<T>): Promise<T> {
        if (this.inside) throw usage('a transaction within a transaction is not possible');
        const queue = this.outside;
        const before = queue.all;
        const clear = this.clear(timeoutMs);
        const done = queue.place();
        queue.transactions = queue.all;
        queue.pending++;
        try {
            await clear;
            await before;
            const mine = (this.current = new Queue());
            return await this.within
                .run(mine, () => this.enclose(mine, run, fn))
                .finally(() => {
                    this.current = undefined;
                });
        } finally {
            queue.pending--;
            done();
        }
    }

    private async enclose<T>(mine: Queue, run: (sql: string) => Promise<unknown>, fn: () => Promise<T>): Promise<T> {
        await run('BEGIN TRANSACTION');
        try {
            const result = await fn();
            await mine.all;
            await run('COMMIT');
            return result;
        } catch (error) {
            await mine.all; // what `fn` has begun and not waited for must not come after the transaction
            await run('ROLLBACK').catch(() => undefined); // it may be over already
            throw error;
        }
    }
}
