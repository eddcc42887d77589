/** Values on their way to the service, in the PostgreSQL protocol's text formats. */

import { isStockValue, objectText } from './columns';
import { usage } from './errors';
import type { Parameter } from './surface';

function isoText(value: Date): string {
    if (Number.isNaN(value.getTime())) throw usage('an invalid Date has no value');
    return value.toISOString().replace('T', ' ').replace('Z', '+00');
}

/** Within an array or a structure: as JSON and DuckDB's casts from text have it. */
function nested(value: Parameter): unknown {
    if (value === undefined || value === null) return null;
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
    if (typeof value !== 'object') return value;
    if (value instanceof Date) return isoText(value);
    if (isStockValue(value)) return String(value);
    if (Array.isArray(value)) return value.map(nested);
    return Object.fromEntries(Object.entries(value as Record<string, Parameter>).map(([key, each]) => [key, nested(each)]));
}

/** A value as node-postgres sends it: text, or bytes. */
export function wireValue(value: Parameter): string | Buffer | null {
    if (value === undefined || value === null) return null;
    if (typeof value === 'string') return value;
    if (typeof value !== 'object') return String(value);
    if (value instanceof Date) return isoText(value);
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (isStockValue(value)) return String(value);
    if (Array.isArray(value) && !value.some(isNested)) return arrayText(value);
    return objectText(value) ?? JSON.stringify(nested(value));
}

/** What makes the value that it is in one that DuckDB's casts take as JSON; lists of simple values are PostgreSQL's arrays. */
function isNested(value: Parameter): boolean {
    if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return false;
    return !isStockValue(value) && objectText(value) === undefined;
}

function arrayText(values: readonly Parameter[]): string {
    const parts = values.map((value) => {
        if (value === undefined || value === null) return 'NULL';
        const text = value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : String(wireValue(value));
        return `"${text.replace(/["\\]/g, '\\$&')}"`;
    });
    return `{${parts.join(',')}}`;
}

/** A value in COPY's text format: https://www.postgresql.org/docs/15/sql-copy.html, "Text Format". */
export function copyText(value: Parameter): string {
    if (value === undefined || value === null) return '\\N';
    const sent = wireValue(value);
    const text = Buffer.isBuffer(sent) ? `\\x${sent.toString('hex')}` : (sent ?? '');
    return text.replace(/[\\\n\r\t]/g, (each) =>
        each === '\\' ? '\\\\' : each === '\n' ? '\\n' : each === '\r' ? '\\r' : '\\t',
    );
}
