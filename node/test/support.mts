/** What the tests share: folders, other processes, a service. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { DuckDb, Row } from 'duckrow';

/** The folder that the package is installed in: other processes run there. */
export const HOME = fileURLToPath(new URL('..', import.meta.url));
const BINDINGS = `@duckdb/node-bindings-${process.platform}-${process.arch}`;
const PROGRAM = join(HOME, 'node_modules/duckrow/native/duckrow');
const api = createRequire(import.meta.url).resolve('@duckdb/node-api');
const bindings = createRequire(api).resolve('@duckdb/node-bindings');
const ENGINE = join(dirname(createRequire(bindings).resolve(`${BINDINGS}/package.json`)), 'libduckdb.so');
export const ENVIRONMENT = { ...process.env, DUCKROW_ENGINE: ENGINE };

const execute = promisify(execFile);

export function sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A promise, and what fulfils it. */
export function promised(): { promise: Promise<void>; resolve: () => void } {
    let resolve = (): void => undefined;
    const promise = new Promise<void>((fulfil) => {
        resolve = fulfil;
    });
    return { promise, resolve };
}

/** Until `look` finds something: the limit is for hangs alone. */
export async function waitUntil<T>(what: string, look: () => T | Promise<T>): Promise<T> {
    const until = performance.now() + 15_000;
    for (;;) {
        const found = await look();
        if (found) return found;
        assert.ok(performance.now() < until, `it took too long until ${what}`);
        await sleep(10);
    }
}

const cleanups = new WeakMap<TestContext, (() => unknown)[]>();

/** After the test, the last first: node:test has them the other way around. */
export function cleanUp(t: TestContext, work: () => unknown): void {
    const all = cleanups.get(t) ?? [];
    if (all.push(work) > 1) return;
    cleanups.set(t, all);
    t.after(async () => {
        for (const each of all.reverse()) await each();
    });
}

/** A folder that is gone after the test. */
export function makeFolder(t: TestContext): string {
    const folder = mkdtempSync(join(tmpdir(), 'duckrow-'));
    cleanUp(t, () => {
        rmSync(folder, { recursive: true, force: true });
    });
    return folder;
}

/** The path of a database that is not there yet. */
export function makePath(t: TestContext): string {
    return join(makeFolder(t), 'core.duckdb');
}

/** The program, to its end. Returns what it says. */
export async function duckrow(...words: string[]): Promise<string> {
    return (await execute(PROGRAM, words, { env: ENVIRONMENT })).stdout;
}

/** Another process, ended with the test at the latest. */
export class Other {
    readonly process: ChildProcess;
    output = '';
    errors = '';
    private readonly ended: Promise<unknown>;

    constructor(t: TestContext, program: string, words: readonly string[]) {
        this.process = spawn(program, words, { env: ENVIRONMENT, cwd: HOME, stdio: 'pipe' });
        this.ended = once(this.process, 'close');
        this.process.stdout?.on('data', (data) => (this.output += String(data)));
        this.process.stderr?.on('data', (data) => (this.errors += String(data)));
        this.process.stdin?.on('error', () => undefined);
        cleanUp(t, () => this.kill());
    }

    get pid(): number {
        return this.process.pid ?? 0;
    }

    /** Until it has said this. */
    async says(pattern: RegExp): Promise<void> {
        await waitUntil(`${String(pattern)} is said, not ${this.output}${this.errors}`, () => {
            const said = pattern.test(this.output + this.errors);
            assert.ok(said || this.process.exitCode === null, `it ended: ${this.output}${this.errors}`);
            return said;
        });
    }

    /** Its standard input ends. Returns its exit status. */
    async finish(): Promise<number | null> {
        this.process.stdin?.end();
        await this.ended;
        return this.process.exitCode;
    }

    async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
        if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal);
        await this.ended;
    }
}

/** A process that has the turn until it is finished. */
export async function holdTurn(t: TestContext, path: string): Promise<Other> {
    const other = new Other(t, PROGRAM, ['hold', path, '--', 'sh', '-c', 'echo held; exec cat']);
    await other.says(/held/);
    return other;
}

/** Another Node with this program, whose last argument is the path; `done` is a promise that standard input has ended. */
export function runNode(t: TestContext, path: string, program: string): Other {
    const text = `import { openDuckDb } from 'duckrow';
        const path = process.argv.at(-1);
        const done = new Promise((resolve) => process.stdin.on('end', resolve).resume());
        ${program}
        process.stdin.destroy();`;
    return new Other(t, process.execPath, ['--input-type=module', '-e', text, path]);
}

/** `duckrow serve`. */
export class Service {
    private other: Other | undefined;

    private constructor(
        private readonly t: TestContext,
        private readonly path: string,
    ) {}

    static async start(t: TestContext, path: string): Promise<Service> {
        const service = new Service(t, path);
        await service.start();
        return service;
    }

    async start(): Promise<void> {
        this.other = new Other(this.t, PROGRAM, ['serve', this.path]);
        await this.other.says(/listening at/);
    }

    /** As it leaves when it is told to. */
    async stop(): Promise<void> {
        await this.other?.kill('SIGTERM');
    }

    async kill(): Promise<void> {
        await this.other?.kill('SIGKILL');
    }
}

/** What this process has open beside the database, and of the database itself: all but the one descriptor that the core keeps. */
export function openFiles(path: string): string[] {
    const found = readdirSync('/proc/self/fd')
        .map((fd) => {
            try {
                return readlinkSync(`/proc/self/fd/${fd}`);
            } catch {
                return ''; // the one that lists them
            }
        })
        .filter((target) => target.startsWith(dirname(path)));
    const kept = found.indexOf(path);
    return found.filter((_, i) => i !== kept);
}

/** How many of the process's threads and descriptors there are, for what may leak. */
export function descriptors(): number {
    return readdirSync('/proc/self/fd').length;
}

export function readText(path: string): string {
    return readFileSync(path, 'utf8');
}

/** The column i of all rows, in order. */
export async function numbers(db: DuckDb, table = 't'): Promise<number[]> {
    return (await db.all(`SELECT i::INT AS i FROM ${table} ORDER BY i`)).map((row) => Number(row.i));
}

export async function collect(rows: AsyncIterable<Row>): Promise<Row[]> {
    const all: Row[] = [];
    for await (const row of rows) all.push(row);
    return all;
}
