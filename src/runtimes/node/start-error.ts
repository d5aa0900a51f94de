/** What a user can cause and a user can mend when coalmine starts. The command line shows the message and exits with 2. */
import { SettingsError } from '../../contracts/definition.ts';
import { MigrationError } from '../../store/migrate.ts';
import { SigningKeyError } from '../../store/signing-keys.ts';
import { EmbeddedStoreError } from '../embedded/index.ts';

export interface StartProblem {
  readonly expected: string;
  readonly found: string;
  /** What to do. */
  readonly do: string;
}

export class StartError extends Error {
  override readonly name = 'StartError';
  readonly exitCode = 2;
  readonly expected: string;
  readonly found: string;
  readonly do: string;

  constructor(problem: StartProblem, options?: ErrorOptions & { readonly message?: string }) {
    super(
      options?.message ?? `expected ${problem.expected}, found ${problem.found}: ${problem.do}`,
      options?.cause === undefined ? undefined : { cause: options.cause },
    );
    this.expected = problem.expected;
    this.found = problem.found;
    this.do = problem.do;
  }
}

/** Errors whose own message already says what was expected, found and what to do, as a `StartError`; others as they are. */
export function asStartError(error: unknown): unknown {
  const told =
    error instanceof EmbeddedStoreError ||
    error instanceof MigrationError ||
    error instanceof SigningKeyError ||
    error instanceof SettingsError;
  if (!told) return error;
  const { message } = error;
  return new StartError(
    { expected: 'a store and settings that work', found: message, do: 'as it says' },
    { cause: error, message },
  );
}
