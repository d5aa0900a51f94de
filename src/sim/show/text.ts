/** Text on a terminal: wrapped, cut, and without any sign beyond ASCII where the terminal has no others. */

/** Words on lines of at most `width`; a longer word stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

/** At most `max` of the lines, the last with `…` where more were there. */
export function atMost(lines: readonly string[], max: number): string[] {
  if (lines.length <= max) return [...lines];
  const last = (lines[max - 1] ?? '').replace(/[.,;:]?$/, '');
  return [...lines.slice(0, max - 1), `${last} …`];
}

const ASCII: Readonly<Record<string, string>> = {
  '→': '->',
  '’': "'",
  '‘': "'",
  '“': '"',
  '”': '"',
  '–': '-',
  '—': '-',
  '…': '...',
  '·': '-',
  '×': 'x',
  '−': '-',
  '≤': '<=',
  '\u202f': ' ',
  '\u00a0': ' ',
};

/** Every character becomes ASCII; one that isn't known becomes `?`. */
export const toAscii = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of colours stay
  text.replace(/[^\u0000-\u007f]/gu, c => ASCII[c] ?? (c.normalize('NFKD').replace(/[^ -~]/g, '') || '?'));

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal's colours are
export const visibleWidth = (text: string): number => [...text.replace(/\u001b\[\d+m/g, '')].length;

export const padTo = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - visibleWidth(text)));
