/** What an exclusion says of a record, in no SIEM's language: where a value stands, and how it must be. */

/** What narrows an exclusion. Whoever meets all of them isn't seen by the rules that it is built into. */
export type Role = 'identity' | 'source' | 'application' | 'token';
export const ROLES: readonly Role[] = ['identity', 'source', 'application', 'token'];

/**
 * - `json`: a value in the event we write, by its keys and array indices.
 * - `line`: the text of the event; `process`: the program that a syslog header names.
 * - `sign-in`: what a provider's own record says of the one who signs in, of the client, of where from and with what.
 */
export type Field =
  | { readonly kind: 'json'; readonly path: readonly (string | number)[] }
  | { readonly kind: 'line' }
  | { readonly kind: 'process' }
  | { readonly kind: 'sign-in'; readonly what: 'user' | 'client' | 'source' | 'agent' };

export interface Condition {
  readonly role: Role;
  readonly field: Field;
  readonly test: 'is' | 'begins' | 'contains';
  readonly value: string;
  /** Of a line's identity: less of its surroundings, so that the tripwire hears of failed attempts too. */
  readonly broadly?: string;
}

/** A record that a pipeline's canaries leave behind. */
export interface CanaryRecord {
  readonly pipeline: string;
  /** Where its fields stand, in words. */
  readonly kind: 'json' | 'line' | 'sign-in';
  /** `sshd`, `ocsf`, …; of a sign-in whether a `user` or a `service` signs in. */
  readonly format: string;
  readonly conditions: readonly Condition[];
}

/** One language's exclusion, with its tripwire. */
export interface SiemText {
  readonly siem: Siem;
  /** `Microsoft Sentinel (KQL)`. */
  readonly title: string;
  /** What must be so, or be changed in the text. */
  readonly assumes: string;
  readonly exclusion: string;
  readonly tripwire: string;
}

export const SIEMS = ['sentinel', 'splunk', 'elastic', 'sigma'] as const;
export type Siem = (typeof SIEMS)[number];

export const identityOf = ({ conditions }: CanaryRecord): readonly Condition[] =>
  conditions.filter(c => c.role === 'identity');

/** What the tripwire asks of the identity: whatever the case, and in a failed attempt too. */
export const asTripwire = (c: Condition): Condition => ({ ...c, value: c.broadly ?? c.value });

/** Keys alone: most SIEMs flatten lists. */
export const keysOf = (path: readonly (string | number)[]): string[] =>
  path.filter(step => typeof step === 'string');

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]|[\ud800-\udfff]/gu;

/** In double quotes, with backslash escapes, on one line: as KQL, ES|QL and YAML read it alike. */
export const quoted = (text: string): string =>
  `"${text
    .replace(/[\\"]/g, '\\$&')
    .replace(CONTROL, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
