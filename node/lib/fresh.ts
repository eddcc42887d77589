/** A reader that shows the newest commit at each statement, and keeps no snapshot while nobody reads. */

import type { DuckDBConnection } from '@duckdb/node-api';
import type { Config } from './engines';
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

    private async newest(timeoutMs: number): Promise<Current> {
        const current = this.current;
        if (current && !current.left && current.reading.mount.fresh) return current;
        if (current) {
            this.current = undefined;
            current.left = true;
            if (current.users === 0) await this.drop(current);
        }
        const opening = (this.opening ??= this.open(timeoutMs));
        try {
            return await opening;
        } finally {
            if (this.opening === opening) this.opening = undefined;
        }
    }

    private async open(timeoutMs: number): Promise<Current> {
        const reading = await Reading.open(this.path, this.config, timeoutMs);
        const current = { reading, con: await reading.engine.connect(), users: 0, left: false };
        this.current = current;
        return current;
    }

    private async drop(current: Current): Promise<void> {
        current.con.closeSync();
        await current.reading.close();
    }

    private async done(current: Current): Promise<void> {
        current.users--;
        if (current.users > 0) return;
        if (current.left || this.closed) {
            if (this.current === current) this.current = undefined;
            current.left = true;
            await this.drop(current);
            return;
        }
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
            if (this.current !== current || current.users > 0) return;
            this.current = undefined;
            current.left = true;
            void this.drop(current);
        }, KEEP_MS);
        this.timer.unref();
    }

    /** Runs `work` on a connection to the newest snapshot. */
    async use<T>(timeoutMs: number, work: (con: DuckDBConnection) => Promise<T>): Promise<T> {
        const current = await this.newest(timeoutMs);
        current.users++;
        try {
            return await work(current.con);
        } finally {
            await this.done(current);
        }
    }

    /** A connection of the caller's own, until it is released. */
    async hold(timeoutMs: number): Promise<{ con: DuckDBConnection; release: () => void }> {
        const current = await this.newest(timeoutMs);
        current.users++;
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
        const current = this.current;
        this.current = undefined;
        if (!current) return;
        current.left = true;
        if (current.users === 0) await this.drop(current);
    }
}
