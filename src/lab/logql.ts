/** The part of LogQL that the lab's store answers: a stream selector and line filters. */

export interface LogQuery {
  readonly stream: (labels: Readonly<Record<string, string>>) => boolean;
  readonly line: (line: string) => boolean;
}

/** What Loki would answer 400 to. */
export class LogQlError extends Error {
  override readonly name = 'LogQlError';
}

const STRING = /"(?:[^"\\]|\\.)*"|`[^`]*`/y;
const QUERY_CHARS_MAX = 5_000;

/**
 * Reads `{job="auth", host=~"web-.+"} |= "coalmine1" != "debug"`. Matchers =, !=, =~, !~ (anchored, a missing
 * label is empty); filters |=, !=, |~, !~. Throws LogQlError for anything else.
 */
export function parseLogQl(text: string): LogQuery {
  if (text.length > QUERY_CHARS_MAX) throw new LogQlError(`query longer than ${QUERY_CHARS_MAX} characters`);
  const reader = new Reader(text);
  const matchers = readSelector(reader);
  const filters: ((line: string) => boolean)[] = [];
  while (!reader.atEnd()) filters.push(readFilter(reader));
  return {
    stream: labels => matchers.every(matches => matches(labels)),
    line: line => filters.every(keeps => keeps(line)),
  };
}

function readSelector(reader: Reader): ((labels: Readonly<Record<string, string>>) => boolean)[] {
  const out: ((labels: Readonly<Record<string, string>>) => boolean)[] = [];
  let narrow = false;
  reader.expect(/\{/y, '{');
  while (!reader.take(/\}/y)) {
    if (out.length > 0) reader.expect(/,/y, ', or }');
    const name = reader.expect(/[a-zA-Z_][a-zA-Z0-9_]*/y, 'a label name');
    const operator = reader.expect(/=~|!~|!=|=/y, 'one of =, !=, =~, !~');
    const value = readString(reader);
    const test = operator.endsWith('~') ? anchored(value) : (found: string) => found === value;
    const wanted = !operator.startsWith('!');
    if (test('') !== wanted) narrow = true;
    out.push(labels => test(labels[name] ?? '') === wanted);
  }
  if (!narrow)
    throw new LogQlError('queries require at least one matcher that does not match the empty value');
  return out;
}

function readFilter(reader: Reader): (line: string) => boolean {
  const operator = reader.expect(/\|=|\|~|!=|!~/y, 'one of |=, |~, !=, !~');
  const value = readString(reader);
  const test = operator.endsWith('~') ? regexTest(value) : (line: string) => line.includes(value);
  const wanted = operator.startsWith('|');
  return line => test(line) === wanted;
}

function readString(reader: Reader): string {
  const raw = reader.expect(STRING, 'a quoted string');
  if (raw.startsWith('`')) return raw.slice(1, -1);
  try {
    return JSON.parse(raw) as string;
  } catch {
    throw new LogQlError(`can't read the string ${raw}`);
  }
}

const anchored = (pattern: string): ((text: string) => boolean) => {
  const { source, flags } = goRegex(pattern);
  return tester(`^(?:${source})$`, flags);
};

const regexTest = (pattern: string): ((text: string) => boolean) => {
  const { source, flags } = goRegex(pattern);
  return tester(source, flags);
};

/** RE2's leading `(?i)` is a flag here. */
const goRegex = (pattern: string) =>
  pattern.startsWith('(?i)') ? { source: pattern.slice(4), flags: 'i' } : { source: pattern, flags: '' };

function tester(source: string, flags: string): (text: string) => boolean {
  try {
    const regex = new RegExp(source, flags);
    return text => regex.test(text);
  } catch {
    throw new LogQlError(`can't read the regular expression ${source}`);
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#skipSpace();
    return this.#at >= this.#text.length;
  }

  /** `pattern` must be sticky. */
  take(pattern: RegExp): string | undefined {
    this.#skipSpace();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  expect(pattern: RegExp, wanted: string): string {
    const found = this.take(pattern);
    if (found !== undefined) return found;
    throw new LogQlError(
      `parse error at col ${this.#at + 1}: expected ${wanted}, found "${this.#text.slice(this.#at, this.#at + 20)}"`,
    );
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
}
