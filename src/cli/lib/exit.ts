/** How a verb ends: four exit codes, and the error that carries one. */

/** good · bad news · wrong usage or config · can't tell (as monitoring plugins have OK, critical, usage and unknown). */
export const EXIT = { good: 0, bad: 1, usage: 2, unknown: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a user can act on: shown without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: ExitCode;
  /** Beside the message in `--json`. */
  readonly detail: Readonly<Record<string, unknown>>;
  constructor(exit: ExitCode, message: string, detail: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.exit = exit;
    this.detail = detail;
  }
}

export const usageError = (message: string): CliError => new CliError(EXIT.usage, message);

/** Bad news outweighs not knowing, which outweighs good news. */
export function worst(codes: Iterable<ExitCode>): ExitCode {
  const order: readonly ExitCode[] = [EXIT.usage, EXIT.bad, EXIT.unknown, EXIT.good];
  const found = new Set(codes);
  return order.find(code => found.has(code)) ?? EXIT.good;
}
