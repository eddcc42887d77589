/** A look at SQL text before DuckDB gets it: what only duckrow understands, and what outlives a connection. */

import { usage } from './errors';

const BLANK = String.raw`(?:\s|/\*[\s\S]*?\*/|--[^\n]*(?:\n|$))*`;
const SETTINGS = 'busy_timeout|idle_release|idle_in_transaction_timeout';
const SETTING = new RegExp(
    `^${BLANK}(?:PRAGMA\\s+(${SETTINGS})\\s*(?:=\\s*|\\(\\s*)([-+\\w.']+)\\s*\\)?` +
        `|SET\\s+(?:SESSION\\s+|LOCAL\\s+|GLOBAL\\s+)?(${SETTINGS})\\s*(?:=|\\bTO\\b)\\s*([-+\\w.']+)` +
        `|RESET\\s+(${SETTINGS}))\\s*;?\\s*$`,
    'i',
);
const FIRST_WORD = new RegExp(`^${BLANK};?${BLANK}\\(*(\\w*)`);
const TRANSACTION = /\b(?:begin|start|commit|end|rollback|abort)\b/i;
const OPENS = new Set(['BEGIN', 'START']);
const CLOSES = new Set(['COMMIT', 'END', 'ROLLBACK', 'ABORT']);
const READS = new Set(['SELECT', 'FROM', 'WITH', 'VALUES', 'TABLE', 'DESCRIBE', 'DESC', 'SHOW', 'SUMMARIZE', 'EXPLAIN', 'PIVOT']);
READS.add('UNPIVOT');
const CHANGES = new Set(['SET', 'RESET', 'USE', 'PRAGMA', 'PREPARE', 'LOAD']);
const CHANGING = new RegExp(`\\b(?:${[...CHANGES].join('|')})\\b`, 'i');
const TEMPORARY = /\btemp(?:orary)?\b/i;
/** Words without which no statement changes more than its own connection and the database. */
const OUTLIVES =
    /\b(?:set|reset|pragma|attach|detach|load|install|call|use|import|secret|extension|function|macro|force|checkpoint|enable_\w+|disable_\w+|force_\w+|\w*_log\w*|logging)\b/i;

export type SettingName = 'busy_timeout' | 'idle_release' | 'idle_in_transaction_timeout';

export interface Setting {
    readonly name: SettingName;
    /** Milliseconds; undefined: the default again. */
    readonly value: number | undefined;
}

/** A string as an SQL literal. */
export function quote(text: string): string {
    return `'${text.replaceAll("'", "''")}'`;
}

/** An SQL identifier. */
export function quoteName(name: string): string {
    return `"${name.replaceAll('"', '""')}"`;
}

/** A table's name as SQL has it: a name, or schema.name, each as it is or in quotes. */
export function quoteTable(table: string): string {
    const parts = table.match(/"(?:[^"]|"")*"|[^."]+/g);
    if (parts?.join('.') !== table || parts.length > 3) throw usage(`${table} is no name of a table`);
    return parts.map((part) => (part.startsWith('"') ? part : quoteName(part))).join('.');
}

/** What the statement sets, where it sets one of ours. */
function findSetting(sql: string): Setting | undefined {
    if (!sql.includes('_')) return undefined;
    const match = SETTING.exec(sql);
    if (!match) return undefined;
    const reset = match[5];
    if (reset !== undefined) return { name: reset.toLowerCase() as SettingName, value: undefined };
    const name = (match[1] ?? match[3] ?? '').toLowerCase() as SettingName;
    const text = match[2] ?? match[4] ?? '';
    const value = Number(text.replace(/^'|'$/g, ''));
    if (!Number.isSafeInteger(value) || value < 0) throw usage(`${name} is a number of milliseconds, 0 or more, not ${text}`);
    return { name, value };
}

/** In upper case, without comments. */
function firstWord(sql: string): string {
    return (FIRST_WORD.exec(sql)?.[1] ?? '').toUpperCase();
}

/** Is it one statement? False when in doubt. */
function isSingle(sql: string): boolean {
    return !sql.trimEnd().replace(/;+$/, '').includes(';');
}

function transactionAfter(sql: string, word: string, single: boolean): Told['after'] {
    if (single) return OPENS.has(word) ? true : CLOSES.has(word) ? false : 'same';
    return TRANSACTION.test(sql) ? 'ask' : 'same';
}

/** What the text of a statement tells. */
export interface Told {
    readonly setting: Setting | undefined;
    readonly word: string;
    /** May it only read? True for what begins like that; the engine has the last word. */
    readonly reads: boolean;
    /** May it leave something in its own connection that later answers depend on, as temporary tables and settings? True when in doubt. */
    readonly changes: boolean;
    /** May it leave something behind in the engine that another connection would see? True when in doubt. */
    readonly outlives: boolean;
    /** Is a transaction open once this has succeeded? 'same': as before; 'ask': only the engine can tell. */
    readonly after: boolean | 'same' | 'ask';
}

const MOST_TEXTS = 500;
const MOST_LENGTH = 1000;
const texts = new Map<string, Told>();
/** A long text is looked at several times for one statement, and seldom comes again. */
let latest: { readonly sql: string; readonly told: Told } | undefined;

/** The same texts come again and again. */
export function tell(sql: string): Told {
    const found = latest?.sql === sql ? latest.told : texts.get(sql);
    if (found) return found;
    const word = firstWord(sql);
    const single = isSingle(sql);
    const told = {
        setting: findSetting(sql),
        word,
        reads: READS.has(word) && single,
        changes: CHANGES.has(word) || TEMPORARY.test(sql) || (!single && CHANGING.test(sql)),
        outlives: OUTLIVES.test(sql),
        after: transactionAfter(sql, word, single),
    };
    if (sql.length <= MOST_LENGTH) {
        if (texts.size >= MOST_TEXTS) texts.clear();
        texts.set(sql, told);
    } else {
        latest = { sql, told };
    }
    return told;
}

/** May it attach or detach a database? */
export function mentionsAttach(sql: string): boolean {
    return /\b(?:attach|detach)\b/i.test(sql);
}

/** Is one of several statements an ATTACH? */
export function attachesAmongOthers(sql: string): boolean {
    const bare = sql.replace(PIECES, "''").replace(/[\s;]+$/, '');
    return bare.includes(';') && /(?:^|;)\s*attach\s/i.test(bare);
}

/** Strings, names in quotes, comments, and what may be a parameter. */
const PIECES =
    /\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|\$([A-Za-z_]\w*)/g;

/** Values by position: names ($name) become numbers. */
export function numbered<V>(
    sql: string,
    values: readonly V[] | Readonly<Record<string, V>>,
): { sql: string; values: readonly V[] } {
    if (Array.isArray(values)) return { sql, values: values as readonly V[] };
    const given = values as Readonly<Record<string, V>>;
    const names: string[] = [];
    const text = sql.replace(PIECES, (piece: string, _tag: string | undefined, name: string | undefined) => {
        if (name === undefined) return piece;
        if (!(name in given)) throw usage(`there is no value for $${name}`);
        if (!names.includes(name)) names.push(name);
        return `$${names.indexOf(name) + 1}`;
    });
    const unused = Object.keys(given).find((name) => !names.includes(name));
    if (unused !== undefined) throw usage(`the statement has no parameter $${unused}`);
    return { sql: text, values: names.map((name) => given[name] as V) };
}

/** The statements of a text, one by one. */
export function splitStatements(sql: string): string[] {
    if (!sql.includes(';')) return [sql];
    const parts = [''];
    let from = 0;
    const add = (text: string) => {
        const [first = '', ...more] = text.split(';');
        parts.push((parts.pop() ?? '') + first, ...more);
    };
    for (const piece of sql.matchAll(PIECES)) {
        add(sql.slice(from, piece.index));
        parts.push((parts.pop() ?? '') + piece[0]);
        from = piece.index + piece[0].length;
    }
    add(sql.slice(from));
    return parts.filter((part) => /\S/.test(part.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '')));
}
