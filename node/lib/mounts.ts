/**
 * One database file attached to an engine: to write it, under an exclusive turn; to read it, a pinned snapshot, or the file itself
 * under a shared turn where there can be no snapshot.
 *
 * Order of giving up a turn: ask whether to checkpoint, detach, wait until the file is closed, publish, release.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Snapshot, Turn } from './core';
import { Engine } from './engines';
import { BusyError, DuckrowError, hasCode, messageOf } from './errors';

const SETTLE_MS = 5;
const GLANCE_MS = 250;
const MOST_LOOKS = 10;

/** Milliseconds until a time of performance.now(), as the core takes them. */
function left(deadline: number): number {
    return Math.max(0, Math.round(Math.min(deadline - performance.now(), 2 ** 52)));
}

function warnUnpublished(error: unknown): void {
    process.emitWarning(`committed, but not published: ${messageOf(error)}`, 'DuckrowPublishWarning');
}

/** Has the engine close the file, and waits until it is closed. */
async function closeFile(turn: Turn, engine: Engine): Promise<void> {
    try {
        await engine.detach();
    } catch {
        engine.close();
    }
    while (turn.openFiles() > 0) await sleep(SETTLE_MS);
}

/** DuckDB 2.0 reads the headers before it locks the file: where they have moved in between, open it again. */
async function attachToWrite(turn: Turn, engine: Engine, database: Database): Promise<void> {
    for (let n = 0; n < MOST_LOOKS; n++) {
        await engine.attach(database.path, database.path, { readOnly: false, create: !database.exists() });
        turn.guard();
        if (!turn.moved()) return;
        await engine.detach();
    }
    throw new DuckrowError(`${database.path} is being changed by a program that does not lock it`, 'DUCKROW_IO', '58030');
}

/** Publishes what the file holds. An engine opens it only if a checkpoint is wanted. */
async function bringLevel(turn: Turn, database: Database): Promise<void> {
    if (await turn.begin()) {
        const engine = await Engine.take({}, database.path);
        try {
            await attachToWrite(turn, engine, database);
            await engine.checkpoint();
        } finally {
            await closeFile(turn, engine);
            engine.giveBack();
        }
    }
    await turn.end();
}

/** The file itself, to write. */
export class WriteMount {
    private turn: Turn | undefined;
    private known = false;

    constructor(
        readonly database: Database,
        /** What the turn is for: a service makes way for "hold". */
        private readonly kind: string,
    ) {}

    /** Do others wait for it? */
    get wanted(): boolean {
        return this.turn !== undefined && this.turn.wanted() > 0;
    }

    /** Before a statement and after it: makes sure that the file is still locked, and still the one. */
    guard(): void {
        this.turn?.guard();
    }

    /** Takes the turn, and attaches. */
    async open(engine: Engine, deadline: number): Promise<void> {
        const turn = await this.database.take(false, this.kind, left(deadline));
        try {
            if (this.known && !this.database.exists())
                throw new DuckrowError(
                    `${this.database.path} was removed while this connection did not hold it`,
                    'DUCKROW_NOT_FOUND',
                    '58P01',
                );
            await attachToWrite(turn, engine, this.database);
        } catch (error) {
            await closeFile(turn, engine);
            turn.release();
            throw error;
        }
        this.turn = turn;
        this.known = true;
        // What a program without duckrow, or a killed one, has left in the file: until it is published readers wait.
        if (!turn.level) await this.publish(engine);
    }

    /** What fails is a warning: the commit stands, readers wait. */
    private async publish(engine: Engine): Promise<void> {
        const turn = this.turn;
        if (!turn) return;
        try {
            if (await turn.begin()) await engine.checkpoint();
            await turn.end();
        } catch (error) {
            if (!hasCode(error, 'DUCKROW_NO_SNAPSHOT')) warnUnpublished(error);
        }
    }

    /** Closes the file, publishes, gives up. Throws only where what was committed is not in the file. */
    async close(engine: Engine): Promise<void> {
        const turn = this.turn;
        if (!turn) return;
        this.turn = undefined;
        let failed: unknown;
        try {
            turn.guard();
            try {
                if (await turn.begin()) await engine.checkpoint();
            } catch (error) {
                failed = error;
            }
            await closeFile(turn, engine);
            try {
                await turn.end();
            } catch (error) {
                if (!hasCode(error, 'DUCKROW_NO_SNAPSHOT')) warnUnpublished(failed ?? error);
            }
        } finally {
            await closeFile(turn, engine);
            turn.release();
        }
    }
}

/** The turns under which this process reads a file itself, by its path. */
const shared = new Map<string, Set<Turn>>();

/** The newest snapshot; where there can be none, the file under a shared turn. */
export class ReadMount {
    private snapshot: Snapshot | undefined;
    private turn: Turn | undefined;

    constructor(
        readonly database: Database,
        private readonly share: boolean,
    ) {}

    /** Does it show all that is committed? Under a turn nobody else can commit. */
    get fresh(): boolean {
        return this.snapshot ? this.snapshot.check() : this.turn !== undefined;
    }

    get sequence(): number | undefined {
        return this.snapshot?.sequence;
    }

    get publishedAt(): number | undefined {
        return this.snapshot?.publishedAt;
    }

    /** Takes what it takes to open it. Returns the file to open. */
    async take(deadline: number): Promise<string> {
        if (!this.database.exists())
            throw new DuckrowError(
                `Cannot open database "${this.database.path}" in read-only mode: database does not exist`,
                'DUCKROW_NOT_FOUND',
                '58P01',
            );
        await this.pin(deadline);
        return this.path;
    }

    get path(): string {
        return this.snapshot ? this.snapshot.path : this.database.path;
    }

    async open(engine: Engine, deadline: number): Promise<void> {
        const path = await this.take(deadline);
        try {
            await engine.attach(path, this.database.path, { readOnly: true, create: false });
            if (this.turn) shared.set(this.database.path, (shared.get(this.database.path) ?? new Set()).add(this.turn));
        } catch (error) {
            this.drop();
            throw error;
        }
    }

    private async pin(deadline: number): Promise<void> {
        let limit = Math.min(deadline, performance.now() + GLANCE_MS);
        for (;;) {
            try {
                this.snapshot = await this.database.pin(left(deadline));
                return;
            } catch (error) {
                if (!this.share) throw error;
                if (hasCode(error, 'DUCKROW_NO_SNAPSHOT')) break;
                if (!hasCode(error, 'DUCKROW_STALE')) throw error;
            }
            // Whatever may keep us from making it anew, the file itself can be read.
            try {
                await this.publishForAll(limit);
            } catch (error) {
                if (hasCode(error, 'DUCKROW_INTERRUPTED')) throw error;
                if (!(error instanceof BusyError)) break;
                // A program without duckrow that only reads is in the way of an exclusive turn, but not of a shared one.
                try {
                    this.turn = await this.database.take(true, 'read', 0);
                    return;
                } catch (busy) {
                    if (!(busy instanceof BusyError)) throw busy;
                }
                if (limit === deadline) throw error;
                limit = deadline;
            }
        }
        this.turn = await this.database.take(true, 'read', left(deadline));
    }

    private async publishForAll(deadline: number): Promise<void> {
        const turn = await this.database.take(false, 'publish', left(deadline));
        try {
            if (!turn.level) await bringLevel(turn, this.database);
        } finally {
            turn.release();
        }
    }

    /** Gives it up, as it is. */
    drop(): void {
        this.snapshot?.unpin();
        this.turn?.release();
        this.snapshot = this.turn = undefined;
    }

    /** The file is still open for others of this process: the last one waits until it is closed. */
    private async closeShared(turn: Turn, engine: Engine): Promise<void> {
        const turns = shared.get(this.database.path);
        turns?.delete(turn);
        if (!turns?.size) {
            shared.delete(this.database.path);
            await closeFile(turn, engine);
            return;
        }
        await engine.detach();
        for (const other of turns) other.guard(); // DuckDB's lock on the file was this process's one
    }

    /** Once nothing uses it. */
    async close(engine: Engine): Promise<void> {
        try {
            if (this.turn) await this.closeShared(this.turn, engine);
            else await engine.detach();
        } catch {
            engine.clean = false; // what still reads keeps the file open, and the files of a snapshot stay as long
        } finally {
            this.drop();
        }
    }
}
