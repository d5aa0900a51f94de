/** Standard output: waited for, in colour only where a person looks, and quiet when its reader has gone. */

/** Its reader closed the pipe (`| head`): nothing more is wanted, and nothing went wrong. */
export class PipeClosedError extends Error {
  override readonly name = 'PipeClosedError';
}

let closed = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  closed = true;
});
process.stderr.on('error', () => {});

/** Resolves when the text is on its way. Throws PipeClosedError. */
export async function write(text: string): Promise<void> {
  if (closed) throw new PipeClosedError();
  const taken = process.stdout.write(text);
  // A pipe's error comes with the next turn of the event loop.
  if (taken) await new Promise(resolve => setImmediate(resolve));
  else {
    await new Promise<void>(resolve => {
      const done = () => {
        process.stdout.off('drain', done);
        process.stdout.off('error', done);
        resolve();
      };
      process.stdout.on('drain', done);
      process.stdout.on('error', done);
    });
  }
  if (closed) throw new PipeClosedError();
}

export const writeLine = (line = ''): Promise<void> => write(`${line}\n`);

/** One document, for a reader that is a program. */
export const writeJson = (value: unknown): Promise<void> => write(`${JSON.stringify(value, null, 2)}\n`);

/** One line of NDJSON. */
export const writeJsonLine = (value: unknown): Promise<void> => write(`${JSON.stringify(value)}\n`);

/** For people, beside the output. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;
export type Colour = keyof typeof CODES;

const coloured = (): boolean =>
  process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';

/** https://no-color.org */
export function paint(colour: Colour, text: string): string {
  if (!coloured()) return text;
  const [on, off] = CODES[colour];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal's colours are
const ESCAPES = /\u001b\[\d+m/g;
const widthOf = (text: string): number => [...text.replace(ESCAPES, '')].length;

/** Rows as columns, each as wide as its widest cell, two spaces apart. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
  return rows
    .map(row => {
      const cells = row.map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - widthOf(cell)));
      return `${indent}${cells.join('  ')}`.trimEnd();
    })
    .join('\n');
}

/** What came from elsewhere, made fit for a terminal: no control characters, which could rewrite what stands there. */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
