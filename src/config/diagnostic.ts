/** What is to be said about a config file: one finding, where it stands, and what to do. */

/** Where in the config's tree: keys of maps, indexes of lists. */
export type Path = readonly (string | number)[];

export interface Diagnostic {
  /** `error`: nothing can run. `warning`: it runs, but not as written. `hint`: worth knowing. */
  readonly level: 'error' | 'warning' | 'hint';
  readonly file: string;
  /** From 1, as editors count. */
  readonly line: number;
  readonly column: number;
  /** As `pipelines.ssh.checkpoints[0].lost_after`; empty for the file as a whole. */
  readonly path: string;
  /** The finding in one sentence, without the fix. Never holds a secret. */
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  /** What to do, or what may have been meant. */
  readonly fix?: string;
  /** The line it stands on, secrets starred out, column for column. */
  readonly source?: string;
}

/** A finding before it is located: `message`, or `expected`, from which the message is made. */
export interface Finding {
  readonly message?: string;
  readonly expected?: string;
  readonly fix?: string | undefined;
  /** Point at the key itself rather than at its value. */
  readonly atKey?: boolean;
}

/** Collects findings. Everything in config/ that judges is handed one. */
export interface Report {
  error(path: Path, finding: Finding): void;
  warning(path: Path, finding: Finding): void;
  hint(path: Path, finding: Finding): void;
}

export const printPath = (path: Path): string => {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!/^[\w-]+$/.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
};
