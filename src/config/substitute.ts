/**
 * `${NAME}`, `${NAME:-default}` and `${file:/path}` in a scalar's text; `$${` stands for `${`. One mechanism serves
 * environment and secret files, at any place where a value stands: in lists, inside URLs, in every adapter.
 * The result is not substituted again.
 */

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a small text file, whole; throws if it can't. Relative paths are its affair. */
  readonly readFile?: ((path: string) => string) | undefined;
}

export interface Substituted {
  readonly text: string;
  /** Whether anything came from outside the file. */
  readonly changed: boolean;
  /** What came from outside. */
  readonly values: readonly string[];
  readonly problems: readonly { readonly message: string; readonly fix: string }[];
}

const FILE_CHARS_MAX = 65_536;

export const substitute = (raw: string, around: Surroundings): Substituted => {
  const values: string[] = [];
  const problems: { message: string; fix: string }[] = [];
  const text = raw.replace(/\$\$\{|\$\{([^{}]*)(\}?)/g, (all, inner: string | undefined, close: string) => {
    if (inner === undefined) return '${';
    const got = close === '}' ? lookUp(inner, around) : malformed(all);
    if ('value' in got) values.push(got.value);
    else problems.push(got);
    return 'value' in got ? got.value : all;
  });
  return { text, changed: values.length > 0, values, problems };
};

type LookedUp = { readonly value: string } | { readonly message: string; readonly fix: string };

const lookUp = (inner: string, around: Surroundings): LookedUp => {
  if (inner.startsWith('file:')) return fromFile(inner.slice('file:'.length), around);
  const parts = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner);
  if (!parts) return malformed(`\${${inner}}`);
  const [, name, fallback] = parts;
  const set = Object.hasOwn(around.env, name!) ? around.env[name!] : undefined;
  // As in a shell, an empty variable takes the default.
  if (fallback !== undefined) return { value: set || fallback };
  if (set !== undefined) return { value: set };
  return {
    message: `the environment variable ${name} is not set`,
    fix: `set ${name}, or write \${${name}:-default}`,
  };
};

const fromFile = (path: string, around: Surroundings): LookedUp => {
  if (!around.readFile) {
    return { message: 'files cannot be read here', fix: `pass the value in the environment, as \${NAME}` };
  }
  try {
    const text = around.readFile(path);
    if (text.length <= FILE_CHARS_MAX) return { value: text.replace(/\r?\n$/, '') };
    return {
      message: `the file ${path} is longer than ${FILE_CHARS_MAX} characters`,
      fix: 'name a file that holds one value',
    };
  } catch (e) {
    const code = e instanceof Error && 'code' in e ? ` (${String(e.code)})` : '';
    return {
      message: `the file ${path} cannot be read${code}`,
      fix: 'make it readable for coalmine, or name another',
    };
  }
};

const malformed = (found: string): LookedUp => ({
  message: `expected \${NAME}, \${NAME:-default} or \${file:/path}, found ${JSON.stringify(found.slice(0, 60))}`,
  fix: 'write $${ for a plain ${',
});
