/** A reader that shows the newest commit at each statement, and keeps no snapshot while nobody reads. */

import type { DuckDBConnection } from '@duckdb/node-api';
import type { Config } from './engines';
import { closedError } from './errors';
import { Reading } from './reader';

const KEEP_MS = 1_000;

/** One snapshot, and who reads it. */
interface Current {
    readonly reading: Reading;
    readonly con: DuckDBConnection;
    users: number;
    /** Nobody begins with it any more. */
    left: boolean;
}

export class FreshReader {
    private current: Current | undefined;
    private opening: Promise<Current> | undefined;
    private timer: NodeJS.Timeout | undefined;
    private closed = false;

    constructor(
        private readonly path: string,
        private readonly config: Config,
    ) {}

    /** The newest, with one user more. */
    private async newest(timeoutMs: number): Promise<Current> {
        await this.opening?.catch(() => undefined); // begun before this call, it may lack what was committed since
        let current = this.current;
        if (!current?.reading.mount.fresh) {
            if (current) await this.leave(current);
            this.opening ??= this.open(timeoutMs).finally(() => {
                this.opening = undefined;
            });
            current = await this.opening;
        }
        if (current.left) return this.newest(timeoutMs);
        current.users++;
        return current;
    }

    private async open(timeoutMs: number): Promise<Current> {
        const reading = await Reading.open(this.path, this.config, timeoutMs, undefined, false);
        const current = { reading, con: await reading.engine.connect(), users: 0, left: false };
        if (this.closed) {
            await this.leave(current);
            throw closedError();
        }
        this.current = current;
        return current;
    }

    /** The last user ends it. */
    private async leave(current: Current): Promise<void> {
        if (this.current === current) this.current = undefined;
        if (current.left) return;
        current.left = true;
        if (current.users === 0) await this.drop(current);
    }

    private async drop(current: Current): Promise<void> {
        current.con.closeSync();
        await current.reading.close();
    }

    private async done(current: Current): Promise<void> {
        if (--current.users > 0) return;
        if (current.left) {
            await this.drop(current);
            return;
        }
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
            if (current.users === 0) void this.leave(current);
        }, KEEP_MS);
        this.timer.unref();
    }

    /** Runs `work` on a connection to the newest snapshot. */
    async use<T>(timeoutMs: number, work: (con: DuckDBConnection) => Promise<T>): Promise<T> {
        const current = await this.newest(timeoutMs);
        try {
            return await work(current.con);
        } finally {
            await this.done(current);
        }
    }

    /** A connection of the caller's own, until it is released. */
    async hold(timeoutMs: number): Promise<{ con: DuckDBConnection; release: () => void }> {
        const current = await this.newest(timeoutMs);
        const con = await current.reading.engine.connect();
        const release = () => {
            con.closeSync();
            void this.done(current);
        };
        return { con, release };
    }

    async close(): Promise<void> {
        this.closed = true;
        clearTimeout(this.timer);
        if (this.current) await this.leave(this.current);
    }
}
