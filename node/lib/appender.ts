/** An appender that gathers rows and inserts them in bulk. */

import type { InputRow } from './columns';
import { usage } from './errors';
import type { Appender } from './surface';

export class GatheringAppender implements Appender {
    private rows: InputRow[] = [];
    private closed = false;

    constructor(private readonly insert: (rows: InputRow[]) => Promise<number>) {}

    append(row: InputRow): void {
        if (this.closed) throw usage('this appender is closed');
        this.rows.push(row);
    }

    async flush(): Promise<number> {
        const rows = this.rows;
        if (rows.length === 0) return 0;
        this.rows = [];
        try {
            return await this.insert(rows);
        } catch (error) {
            this.rows = rows.concat(this.rows); // they are not lost: the caller may try again
            throw error;
        }
    }

    async close(): Promise<number> {
        this.closed = true;
        return this.flush();
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.close();
    }
}
