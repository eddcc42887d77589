/** ATTACH of other database files: to read, and what is attached is their newest snapshot. */

import { type Attach, core, MUST_EXIST } from './core';
import type { Engine } from './engines';
import { hasCode, messageOf, unsupported, usage } from './errors';
import { ReadMount } from './mounts';
import { attachesAmongOthers, mentionsAttach, quote, quoteName } from './sql';

/** The files besides its own that an engine has attached. */
export class Attachments {
    private mounts: { readonly name: string; readonly mount: ReadMount }[] = [];

    constructor(
        private readonly engine: Engine,
        /** Does an ATTACH that doesn't say want to write? */
        private readonly writes: boolean,
    ) {
        engine.atEnd.push(() => {
            for (const { mount } of this.mounts.splice(0)) mount.drop();
        });
    }

    /** Runs a statement that may attach or detach. `work` runs the text that DuckDB gets. */
    async around<T>(sql: string, timeoutMs: number, work: (text: string) => Promise<T>): Promise<T> {
        if (!mentionsAttach(sql)) return work(sql);
        if (attachesAmongOthers(sql)) throw usage('an ATTACH of a file is run by itself, not among other statements');
        const found = core.parseAttach(sql);
        const text = found?.isFile ? await this.take(found, performance.now() + timeoutMs) : undefined;
        try {
            return await work(text ?? sql);
        } finally {
            await this.settle();
        }
    }

    /** The statement that attaches its snapshot; undefined: DuckDB takes it as it is. */
    private async take(found: Attach, deadline: number): Promise<string | undefined> {
        const { name } = found;
        if (name === null) return undefined;
        if (found.encrypted) throw unsupported(`${found.path} is encrypted, which duckrow for Node cannot attach`);
        let database;
        try {
            database = core.open(found.path, MUST_EXIST);
        } catch (error) {
            // What is no DuckDB database is another extension's; a link to a snapshot is there for DuckDB as it is.
            if (hasCode(error, 'DUCKROW_NOT_A_DATABASE') || messageOf(error).includes(' is a snapshot, ')) return undefined;
            throw error;
        }
        if (!(found.readOnly ?? !this.writes))
            throw unsupported(
                `ATTACH '${found.path}' AS ${quoteName(name)} (READ_ONLY): a connection of TypeScript attaches other databases to read; to write it, open it by itself`,
            );
        const mount = new ReadMount(database, true);
        const path = await mount.take(deadline);
        this.mounts.push({ name: name.toLowerCase(), mount });
        const how = found.orReplace ? 'ATTACH OR REPLACE' : found.ifNotExists ? 'ATTACH IF NOT EXISTS' : 'ATTACH';
        const options = ['TYPE duckdb', 'READ_ONLY', ...(found.options === null ? [] : [found.options])];
        return `${how} ${quote(path)} AS ${quoteName(name)} (${options.join(', ')})`;
    }

    /** Keeps what DuckDB has attached, gives up what it has not. */
    private async settle(): Promise<void> {
        const attached = await this.engine.attachedPaths();
        const before = this.mounts;
        this.mounts = before.filter(({ name, mount }) => attached.get(name) === mount.path);
        for (const each of before) if (!this.mounts.includes(each)) each.mount.drop();
    }
}
