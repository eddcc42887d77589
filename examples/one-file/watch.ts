/** watch.js FILE TIMES: shows once a second what the others have written. No writer waits for it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { openDuckDb } from 'duckrow';

interface Summary {
    program: string;
    name: string;
    readings: number;
    newest: number;
    seconds_ago: number;
}

const SUMMARY = `
    SELECT program, name, count(*)::INTEGER AS readings, arg_max(value, taken) AS newest,
        round(epoch(?::TIMESTAMP - max(taken)), 1) AS seconds_ago
    FROM readings GROUP BY ALL ORDER BY ALL`;

const [file = 'machine.duckdb', times = '60'] = process.argv.slice(2);

for (let i = 0; i < Number(times); i++) {
    if (i > 0) await sleep(1000);
    const db = await openDuckDb(file, { readOnly: true }); // the newest commit of now
    console.table(await db.all<Summary>(SUMMARY, [new Date()]));
    await db.close();
}
