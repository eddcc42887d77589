/** memory.js FILE TIMES: writes once a second how much memory is free, and how much there is. */

import { freemem, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDuckDb } from 'duckrow';

const [file = 'machine.duckdb', times = '60'] = process.argv.slice(2);

for (let i = 0; i < Number(times); i++) {
    const taken = new Date();
    const db = await openDuckDb(file);
    try {
        await db.insertMany('readings', [
            { taken, program: 'memory.ts', name: 'free', value: freemem() },
            { taken, program: 'memory.ts', name: 'total', value: totalmem() },
        ]); // both or none
    } finally {
        await db.close();
    }
    await sleep(1000);
}
