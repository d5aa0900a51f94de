/** What is asked of a verification; what it says is of the domain, since reports tell it. */
export type * from '../domain/report/verified.ts';

export interface VerifyOptions {
  readonly nowMs: number;
  readonly retention: {
    readonly canariesMs: number;
    readonly exceptionsMs: number;
    readonly rollupsMs: number;
  };
  /** Names of pipelines; all there ever were unless given. */
  readonly only?: readonly string[];
  /** A head from an old notice or report, hexadecimal: it must be in one of the chains. */
  readonly head?: string;
  /** Canaries that are gone through one by one at each checkpoint, newest first; default 5,000,000. */
  readonly canariesMax?: number;
}
