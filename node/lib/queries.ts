/** What the session at the service sends and gets, as node-postgres takes it (a Submittable). */

import type { Writable } from 'node:stream';
import type { Connection, Submittable } from 'pg';
import { type Column, column } from './exact';
import { messageOf } from './errors';

export interface Answer {
    readonly columns: readonly Column[];
    readonly rows: readonly (readonly (string | null)[])[];
    /** Rows changed, where the tag says so. */
    readonly count: number;
    /** The tag's words. */
    readonly command: string;
}

/** One statement. */
export interface Prepared {
    /** Under which the service keeps it. */
    readonly name?: string;
    readonly text: string;
    readonly values?: readonly (string | Buffer | null)[];
}

const EXACT = 2;

function terminated(text: string): Buffer {
    return Buffer.from(`${text}\0`, 'utf8');
}

function int16(...numbers: number[]): Buffer {
    const bytes = Buffer.alloc(2 * numbers.length);
    numbers.forEach((each, i) => bytes.writeInt16BE(each, 2 * i));
    return bytes;
}

function int32(number: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(number);
    return bytes;
}

/** Bind, with the service's own format for results, which node-postgres has no name for:
 * https://www.postgresql.org/docs/15/protocol-message-formats.html, "Bind". */
function bindMessage(name: string, values: readonly (string | Buffer | null)[]): Buffer {
    const parts = [terminated(''), terminated(name), int16(values.length)];
    parts.push(int16(...values.map((value) => Number(Buffer.isBuffer(value)))), int16(values.length));
    for (const value of values) {
        const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
        parts.push(int32(bytes ? bytes.length : -1));
        if (bytes) parts.push(bytes);
    }
    parts.push(int16(1, EXACT));
    const body = Buffer.concat(parts);
    return Buffer.concat([Buffer.from('B'), int32(body.length + 4), body]);
}

/** What node-postgres's connection has; its types lack some of it. */
interface Wired {
    readonly parsedStatements: Record<string, string>;
    readonly stream: Writable;
    parse(query: { name: string; text: string; types: number[] }): void;
    describe(message: { type: 'P'; name: string }): void;
    execute(config: { portal: string; rows: number }): void;
    sync(): void;
    sendCopyFromChunk(chunk: Buffer): void;
    endCopyFrom(): void;
    sendCopyFail(why: string): void;
}

/** A promise, and who is to settle it. */
abstract class Query<T> implements Submittable {
    readonly done: Promise<T>;
    protected failed: unknown;
    private resolve: (value: T) => void = () => undefined;
    private reject: (error: unknown) => void = () => undefined;

    constructor() {
        this.done = new Promise((resolve, reject) => {
            this.resolve = resolve;
            this.reject = reject;
        });
    }

    abstract submit(connection: Connection): void;
    protected abstract result(): T;

    handleError(error: unknown): void {
        this.failed ??= error;
        this.reject(this.failed);
    }

    handleReadyForQuery(): void {
        this.resolve(this.result());
    }
}

/** A statement with its values: the extended protocol. */
export class StatementQuery extends Query<Answer> {
    /** node-postgres keeps account of those that have one. */
    readonly name: string;
    readonly text: string;
    private columns: Column[] = [];
    private readonly rows: (string | null)[][] = [];
    private tag = '';

    constructor(private readonly statement: Prepared) {
        super();
        this.name = statement.name ?? '';
        this.text = statement.text;
    }

    submit(connection: Connection): void {
        const wired = connection as unknown as Wired;
        wired.stream.cork();
        if (!this.name || wired.parsedStatements[this.name] === undefined)
            wired.parse({ name: this.name, text: this.text, types: [] });
        wired.stream.write(bindMessage(this.name, this.statement.values ?? []));
        wired.describe({ type: 'P', name: '' });
        wired.execute({ portal: '', rows: 0 });
        wired.sync();
        wired.stream.uncork();
    }

    handleRowDescription(message: { fields: readonly { name: string; format: string }[] }): void {
        this.columns = message.fields.map(({ name, format }) => column(name, format !== 'text'));
    }

    handleDataRow(message: { fields: (string | null)[] }): void {
        this.rows.push(message.fields);
    }

    handleCommandComplete(message: { text: string }): void {
        this.tag = message.text;
    }

    handlePortalSuspended(): void {
        // there is no limit of rows
    }

    handleEmptyQuery(): void {
        this.tag = '';
    }

    /** A COPY FROM STDIN that nobody has data for. */
    handleCopyInResponse(connection: Connection): void {
        (connection as unknown as Wired).sendCopyFail('rows for COPY are what insertMany is for');
    }

    handleCopyData(): void {
        // COPY TO STDOUT: nobody asks for it here
    }

    protected result(): Answer {
        const count = Number(this.tag.split(' ').at(-1));
        return {
            columns: this.columns,
            rows: this.rows,
            count: Number.isNaN(count) ? 0 : count,
            command: this.tag.replace(/( \d+)+$/, ''),
        };
    }
}

/** COPY … FROM STDIN: https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-COPY */
export class CopyQuery extends Query<number> {
    private count = 0;

    constructor(
        private readonly sql: string,
        private readonly data: Iterable<string>,
    ) {
        super();
    }

    submit(connection: Connection): void {
        connection.query(this.sql);
    }

    handleCopyInResponse(connection: Connection): void {
        const wired = connection as unknown as Wired;
        try {
            for (const piece of this.data) wired.sendCopyFromChunk(Buffer.from(piece, 'utf8'));
            wired.endCopyFrom();
        } catch (error) {
            this.failed = error;
            wired.sendCopyFail(messageOf(error).slice(0, 200));
        }
    }

    handleCommandComplete(message: { text: string }): void {
        this.count = Number(message.text.split(' ').pop());
    }

    protected result(): number {
        return this.count;
    }
}
