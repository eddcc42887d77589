/** What the programs share. The tests of Python start them: their standard output is lines. */

import { createInterface } from 'node:readline';

export const [path = '', ...words] = process.argv.slice(2);

export function say(value: unknown): void {
    const text = JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each));
    process.stdout.write(`${typeof value === 'string' ? value : text}\n`);
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Until a line comes, or the input ends. */
export async function told(): Promise<void> {
    await lines.next();
}

/** No more lines are waited for: the program may end. */
export function done(): void {
    process.stdin.destroy();
}

export function sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
