/**
 * A config file as text: read as YAML, substituted, and remembered place by place, so that a finding about a value
 * can be told by line and column without telling a secret.
 */
import { type Document, LineCounter, parseDocument, type YAMLError } from 'yaml';
import type { Path } from './diagnostic.ts';
import { eachScalar, offsetOf, stepsTo } from './nodes.ts';
import { isSecretPath, maskLine, maskUrls } from './secrets.ts';
import { type Surroundings, substitute } from './substitute.ts';

const FILE_CHARS_MAX = 16 * 1024 * 1024;
/** Expanded aliases; beyond it a small file may become a huge config. */
const ALIASES_MAX = 1000;
const SHOWN_CHARS_MAX = 60;

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A finding of the reading itself, already placed. */
export interface SyntaxFinding extends Place {
  readonly level: 'error' | 'warning';
  /** Absent where the text has no tree. */
  readonly path?: Path;
  readonly message: string;
  readonly fix?: string;
}

export interface Source {
  /** The substituted tree as plain data; undefined where YAML itself failed. */
  readonly value: unknown;
  readonly findings: readonly SyntaxFinding[];
  /** Everything that came from the environment or from files, and every secret. */
  readonly hidden: ReadonlySet<string>;
  /** Where the value (or its key) stands; where it doesn't, the nearest thing above it. */
  place(path: Path, atKey?: boolean): Place;
  /** Whether the scalar at a path was substituted: it is text, whatever it looks like. */
  substituted(path: Path): boolean;
  /** Whether there is anything at a path. */
  has(path: Path): boolean;
  /** The value for a message: short, never a secret; substituted text as it stands in the file. */
  show(path: Path): string;
  /** The line, secrets starred out, column for column. */
  line(line: number): string;
}

/** `isSecret` tells which paths hold secrets. */
export const readSource = (
  text: string,
  around: Surroundings,
  isSecret: (path: Path) => boolean = isSecretPath,
): Source => {
  if (text.length > FILE_CHARS_MAX) return tooLong(text.length);
  const counter = new LineCounter();
  // `merge` for `<<: *anchor`: the usual way to share settings between checkpoints.
  const doc = parseDocument(text, { lineCounter: counter, prettyErrors: false, merge: true });
  const place = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const findings: SyntaxFinding[] = [
    ...tellable(doc.errors).map(e => ({
      level: 'error' as const,
      ...place(e.pos[0]),
      ...yamlMessage(e, text),
    })),
    ...doc.warnings.map(e => ({
      level: 'warning' as const,
      ...place(e.pos[0]),
      message: firstLine(e.message),
    })),
  ];
  const raws = new Map<unknown, string>();
  const hidden = new Set<string>();
  const spans: Span[] = [];
  eachScalar(doc.contents, (scalar, path) => {
    const raw = scalar.value;
    if (typeof raw === 'string' && raw.includes('${')) {
      const got = substitute(raw, around);
      for (const p of got.problems)
        findings.push({ level: 'error', ...place(scalar.range?.[0] ?? 0), path, ...p });
      for (const value of got.values) hidden.add(value);
      if (got.changed || got.problems.length > 0) raws.set(scalar, raw);
      scalar.value = got.text;
    }
    if (!isSecret(path)) return;
    hidden.add(String(scalar.value));
    if (scalar.range && !isReference(raw)) spans.push(scalar.range);
  });
  // What is read twice is still read; anything else leaves holes in the tree.
  const broken = doc.errors.some(e => e.code !== 'DUPLICATE_KEY');
  const value = broken ? undefined : toPlain(doc, findings);
  const masked = mask(text, spans).split(/\r?\n/);
  const last = (path: Path) => stepsTo(doc, path).at(-1);
  return {
    value,
    findings,
    hidden,
    place: (path, atKey = false) => {
      const steps = stepsTo(doc, path);
      const step = steps.at(-1);
      return place(
        step ? offsetOf(step, atKey || steps.length < path.length) : (doc.contents?.range?.[0] ?? 0),
      );
    },
    substituted: path => raws.has(last(path)?.value),
    has: path => valueAt(value, path) !== undefined,
    show: path => {
      const raw = stepsTo(doc, path).length === path.length ? raws.get(last(path)?.value) : undefined;
      return show(valueAt(value, path), raw, isSecret(path));
    },
    line: number => {
      const line = maskUrls(masked[number - 1] ?? '');
      return broken ? maskLine(line) : line;
    },
  };
};

const tooLong = (chars: number): Source => ({
  value: undefined,
  findings: [
    {
      level: 'error',
      line: 1,
      column: 1,
      message: `expected a file of at most ${FILE_CHARS_MAX} characters, found ${chars}`,
      fix: 'move the targets to a file of their own and name it under file_sd',
    },
  ],
  hidden: new Set(),
  place: () => ({ line: 1, column: 1 }),
  substituted: () => false,
  has: () => false,
  show: () => 'nothing',
  line: () => '',
});

/** `toJS` throws on aliases that expand too far. */
const toPlain = (doc: Document, findings: SyntaxFinding[]): unknown => {
  try {
    return doc.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (e) {
    findings.push({ level: 'error', line: 1, column: 1, message: firstLine(String(e)) });
    return undefined;
  }
};

/** A tab makes nonsense of every line after it. */
const tellable = (errors: readonly YAMLError[]): readonly YAMLError[] => {
  const tabs = errors.filter(e => e.code === 'TAB_AS_INDENT');
  return tabs.length > 0 ? tabs : errors;
};

const firstLine = (text: string): string => text.split('\n', 1)[0]!;

const yamlMessage = (e: YAMLError, text: string): { message: string; fix?: string } => {
  if (e.code === 'DUPLICATE_KEY') {
    const key = /^["']?[\w.-]+["']?/.exec(text.slice(e.pos[0], e.pos[0] + 80))?.[0] ?? '';
    return { message: `the key ${key} stands twice in this map`, fix: 'remove or rename one of them' };
  }
  if (e.code === 'TAB_AS_INDENT') {
    return { message: 'expected spaces, found a tab as indentation', fix: 'indent with spaces' };
  }
  return { message: `this is not YAML: ${firstLine(e.message)}` };
};

type Span = readonly [from: number, to: number, ...rest: number[]];

const mask = (text: string, spans: readonly Span[]): string => {
  let out = '';
  let done = 0;
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    out += text.slice(done, from) + text.slice(from, to).replace(/[^\r\n]/g, '*');
    done = to;
  }
  return out + text.slice(done);
};

/** Nothing but one `${NAME}` or `${file:…}`: names a secret without telling it. */
const isReference = (raw: unknown): boolean =>
  typeof raw === 'string' && /^\$\{(\w+|file:[^{}]*)\}$/.test(raw);

const valueAt = (root: unknown, path: Path): unknown => {
  let at = root;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
};

const show = (value: unknown, raw: string | undefined, secret: boolean): string => {
  if (secret && typeof value === 'string' && !isReference(raw))
    return `a secret of ${value.length} characters`;
  if (raw !== undefined) return JSON.stringify(maskUrls(raw)).slice(0, SHOWN_CHARS_MAX);
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return `a map of ${Object.keys(value).length}`;
  if (secret) return 'a secret';
  const text = typeof value === 'string' ? JSON.stringify(maskUrls(value)) : String(value);
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
};
