/**
 * Write sessions: an engine, the file mounted in it, and the connections of this process that use it, which share one turn.
 *
 * A turn is held only while it is of use. A session without a running statement, an open transaction or a half-read result parks:
 * it detaches the file, publishes, gives the turn up. The next statement mounts it again. A session in constant use gives its turn up
 * too, once a second, when others wait for it: new statements are held up until those that run have ended.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { Attachments } from './attachments';
import { core } from './core';
import { type Config, Engine } from './engines';
import { asError, BusyError, IdleError, messageOf } from './errors';
import { WriteMount } from './mounts';
import { DEFAULT_IDLE_IN_TRANSACTION_MS, DEFAULT_IDLE_RELEASE_MS } from './surface';

const TICK_MS = 50;
const SHARE_MS = 1_000;
const DRAIN_MS = 1_000;
const WARN_MS = 1_000;

/** What one connection has open in a session. */
export class Client {
    transaction = false;
    /** Half-read results. */
    readonly streams = new Set<{ end(): Promise<void> }>();
    /** Its statements that run. */
    running = 0;
    usedAt = performance.now();
    warned = false;
    /** Why its transaction is no more, until it has been told. */
    ended: string | undefined;
    idleInTransactionMs = DEFAULT_IDLE_IN_TRANSACTION_MS;

    constructor(
        readonly session: Session,
        readonly native: DuckDBConnection,
    ) {}

    get busy(): boolean {
        return this.transaction || this.streams.size > 0;
    }

    /** Asks the engine: a BEGIN that fails would abort the transaction; outside of one each statement has another number. */
    async askTransaction(): Promise<void> {
        try {
            const ask = async () => (await this.native.runAndReadAll('SELECT txid_current()')).getRows()[0]?.[0];
            this.transaction = (await ask()) === (await ask());
        } catch (error) {
            this.transaction = messageOf(error).includes('Transaction');
        }
    }

    async rollback(): Promise<void> {
        if (!this.transaction) return;
        this.transaction = false;
        try {
            await this.native.run('ROLLBACK');
        } catch {
            // there was none any more
        }
    }
}

type Phase = 'parked' | 'changing' | 'open';

export class Session {
    idleReleaseMs = DEFAULT_IDLE_RELEASE_MS;
    /** The files that SQL attaches. */
    readonly attachments: Attachments;
    private readonly clients = new Set<Client>();
    private phase: Phase = 'parked';
    private running = 0;
    private waiters: (() => void)[] = [];
    private timer: NodeJS.Timeout | undefined;
    private usedAt = 0;
    private heldSince = 0;
    private drainUntil = 0;
    private lost: Error | undefined;

    constructor(
        private readonly engine: Engine,
        private readonly mount: WriteMount,
    ) {
        this.attachments = new Attachments(engine, true);
    }

    /** Opens another connection; the first one mounts the file. */
    async connect(timeoutMs: number, signal: AbortSignal | undefined): Promise<Client> {
        await this.enter(undefined, timeoutMs, signal);
        try {
            const client = new Client(this, await this.engine.connect());
            this.clients.add(client);
            return client;
        } finally {
            this.leave(undefined);
        }
    }

    /** Ends a connection: its open transaction is rolled back, its half-read results end. */
    async disconnect(client: Client): Promise<void> {
        for (const stream of client.streams) await stream.end();
        while (client.running > 0) await this.moved();
        await client.rollback();
        client.native.closeSync();
        this.clients.delete(client);
        this.notify();
    }

    /** After the last connection: publishes, and gives everything up. */
    async end(): Promise<void> {
        try {
            await this.park();
            this.raiseLost();
        } finally {
            this.engine.giveBack();
        }
    }

    // ---- the gate ----

    /** Before a statement: the file is mounted, and stays so until `leave`. */
    async enter(client: Client | undefined, timeoutMs: number, signal?: AbortSignal): Promise<void> {
        const deadline = performance.now() + timeoutMs;
        if (client) {
            client.running++; // who waits is not idle
            client.warned = false;
        }
        try {
            for (;;) {
                signal?.throwIfAborted();
                this.raiseLost();
                if (this.phase === 'open' && (client?.busy || performance.now() >= this.drainUntil)) break;
                if (this.phase === 'parked') await this.unpark(deadline, signal);
                else await this.moved(deadline, timeoutMs, signal);
            }
            this.mount.guard();
        } catch (error) {
            if (client) client.running--;
            this.notify();
            throw error;
        }
        this.running++;
    }

    /** After it. */
    leave(client: Client | undefined): void {
        this.running--;
        this.usedAt = performance.now();
        if (client) {
            client.running--;
            client.usedAt = this.usedAt;
        }
        this.notify();
    }

    /** Something else goes on within a statement that is entered, and has a `leave` of its own. */
    stay(client: Client): void {
        this.running++;
        client.running++;
    }

    /** A connection for a moment, while a statement of `client` is entered. */
    another(): Promise<DuckDBConnection> {
        return this.engine.connect();
    }

    /** What a statement may have changed is seen by other connections: the engine is not used again after this session. */
    touch(): void {
        this.engine.clean = false;
    }

    /** After a statement that has changed something: is what was committed in the file? */
    guard(): void {
        this.mount.guard();
    }

    private get quiet(): boolean {
        if (this.running > 0) return false;
        for (const client of this.clients) if (client.busy) return false;
        return true;
    }

    private notify(): void {
        const waiters = this.waiters;
        this.waiters = [];
        for (const wake of waiters) wake();
    }

    /** Until something has moved; without a deadline as long as that takes. */
    private moved(deadline = Infinity, timeoutMs = 0, signal?: AbortSignal): Promise<void> {
        return new Promise((resolve, reject) => {
            let timer: NodeJS.Timeout | undefined;
            const done = (error?: unknown) => {
                clearTimeout(timer);
                signal?.removeEventListener('abort', aborted);
                if (error === undefined) resolve();
                else reject(asError(error));
            };
            const aborted = () => {
                done(signal?.reason);
            };
            this.waiters.push(done);
            if (deadline !== Infinity) {
                const patience = Math.min(deadline, Math.max(this.drainUntil, performance.now() + 1));
                timer = setTimeout(
                    () => {
                        if (performance.now() < deadline) done();
                        else
                            done(
                                new BusyError(
                                    `this process is still opening or closing ${this.mount.database.path}; gave up after ${timeoutMs / 1000} s`,
                                ),
                            );
                    },
                    Math.max(0, (this.phase === 'open' ? patience : deadline) - performance.now()),
                );
            }
            signal?.addEventListener('abort', aborted, { once: true });
        });
    }

    private async unpark(deadline: number, signal: AbortSignal | undefined): Promise<void> {
        this.phase = 'changing';
        const aborted = () => {
            this.mount.database.interrupt();
        };
        signal?.addEventListener('abort', aborted, { once: true });
        try {
            await this.mount.open(this.engine, deadline);
            this.phase = 'open';
            this.heldSince = this.usedAt = performance.now();
            this.drainUntil = 0;
            this.watch();
        } catch (error) {
            this.phase = 'parked';
            signal?.throwIfAborted();
            throw error;
        } finally {
            signal?.removeEventListener('abort', aborted);
            this.notify();
        }
    }

    /** Gives the turn up. Connections stay as they are. */
    async park(): Promise<void> {
        while (this.phase === 'changing' || (this.phase === 'open' && !this.quiet)) await this.moved();
        if (this.phase === 'parked') return;
        this.phase = 'changing';
        clearInterval(this.timer);
        try {
            await this.mount.close(this.engine);
        } catch (error) {
            this.lost = asError(error);
        } finally {
            this.phase = 'parked';
            this.drainUntil = 0;
            this.notify();
        }
    }

    /** Once: a file was removed or replaced while its turn was held, and what had been written with it. */
    private raiseLost(): void {
        const lost = this.lost;
        this.lost = undefined;
        if (lost) throw lost;
    }

    // ---- time ----

    private watch(): void {
        clearInterval(this.timer);
        this.timer = setInterval(() => {
            this.tick();
        }, TICK_MS);
        this.timer.unref();
    }

    private tick(): void {
        if (this.phase !== 'open') return;
        const now = performance.now();
        for (const client of this.clients) this.lookAfter(client, now);
        if (this.idleReleaseMs === 0) return;
        if (this.quiet) {
            const idle = now - this.usedAt;
            const due = idle >= this.idleReleaseMs || (idle >= TICK_MS && this.mount.wanted);
            if (due || this.drainUntil > now) void this.park();
        } else if (now - this.heldSince >= SHARE_MS && now >= this.drainUntil && this.mount.wanted) {
            // Those that run end, nobody begins; then it is somebody else's.
            this.heldSince = now;
            this.drainUntil = now + DRAIN_MS;
            void this.parkWhenQuiet(this.drainUntil);
        }
    }

    private async parkWhenQuiet(until: number): Promise<void> {
        while (this.phase === 'open' && performance.now() < until) {
            if (this.quiet) {
                await this.park();
                return;
            }
            await Promise.race([this.moved(), sleep(until - performance.now())]);
        }
    }

    /** An open transaction that nobody works with keeps everybody out. */
    private lookAfter(client: Client, now: number): void {
        if (!client.transaction || client.running > 0 || client.ended !== undefined) return;
        const idle = now - client.usedAt;
        if (idle >= WARN_MS && !client.warned) {
            client.warned = true;
            process.emitWarning(
                `an open transaction keeps ${this.mount.database.path} from all other writers: keep transactions short, and do other work outside of them`,
                'DuckrowIdleTransactionWarning',
            );
        }
        if (client.idleInTransactionMs > 0 && idle >= client.idleInTransactionMs) {
            client.ended = `this transaction was idle for ${(idle / 1000).toFixed(1)} s, and was rolled back`;
            this.stay(client); // while it is rolled back the file can't be closed
            void client.rollback().finally(() => {
                this.leave(client);
            });
        }
    }

    /** Throws, once, for a transaction that was ended because it sat idle. */
    static raiseIfEnded(client: Client): void {
        if (client.ended === undefined) return;
        const message = client.ended;
        client.ended = undefined;
        throw new IdleError(message);
    }
}

/** A session, and how many connections it has or will have. */
interface Shared {
    readonly session: Promise<Session>;
    users: number;
}

const shared = new Map<string, Shared>();

/** A connection in this process's session for the file, of which there is one for each configuration. */
export class Membership {
    private constructor(
        private readonly key: string,
        private readonly of: Shared,
        readonly client: Client,
        /** Of the database. */
        readonly path: string,
    ) {}

    static async join(
        path: string,
        how: { config: Config; kind: string; timeoutMs: number; signal: AbortSignal | undefined },
    ): Promise<Membership> {
        const database = core.open(path, 0);
        const key = JSON.stringify([database.path, Object.entries(how.config).sort(), how.kind]);
        let entry = shared.get(key);
        if (!entry) {
            const session = Engine.take(how.config, database.path).then(
                (engine) => new Session(engine, new WriteMount(database, how.kind)),
            );
            entry = { session, users: 0 };
            shared.set(key, entry);
        }
        entry.users++;
        try {
            const client = await (await entry.session).connect(how.timeoutMs, how.signal);
            return new Membership(key, entry, client, database.path);
        } catch (error) {
            await Membership.leave(key, entry).catch(() => undefined); // why it could not be opened is told
            throw error;
        }
    }

    async end(): Promise<void> {
        await this.client.session.disconnect(this.client);
        await Membership.leave(this.key, this.of);
    }

    private static async leave(key: string, entry: Shared): Promise<void> {
        if (--entry.users > 0) return;
        if (shared.get(key) === entry) shared.delete(key);
        await (await entry.session).end();
    }
}

/** Before the process ends by itself: what is committed is published. */
export async function parkAll(): Promise<void> {
    for (const entry of [...shared.values()]) await (await entry.session).park();
}
