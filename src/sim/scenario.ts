/** What a scenario is, what came of it, and what other monitors would have said of the same events. Types only. */

/** A statement with where it is from: what is printed as fact was read in a source. */
export interface Fact {
  readonly text: string;
  /** Where it stands, in words and with its address; for what was reported only second-hand that is said. */
  readonly source: string;
  readonly standing: 'established' | 'reported';
}

export interface ScenarioOptions {
  readonly seed: number;
  /** Between two canaries of a target. */
  readonly everyMs: number;
  /** Share of the agents that canaries are pinned to, 0–1. */
  readonly covered: number;
  readonly sampling: 'uniform' | 'poisson' | 'fixed';
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
}

/** What happened to a path's canaries within one bucket of time, by when they were sent. */
export interface Bucket {
  readonly fromMs: number;
  readonly sent: number;
  /** Arrived within D. */
  readonly onTime: number;
  /** Arrived after D, but not declared lost before. */
  readonly late: number;
  /** Declared lost, and back since. */
  readonly recovered: number;
  /** Never arrived. */
  readonly gone: number;
}

/** Something said to people. */
export interface Said {
  readonly atMs: number;
  readonly event: 'opened' | 'worsened' | 'reminder' | 'resolved';
  readonly incident: string;
  readonly title: string;
  /** Whole, as a notice carries it. */
  readonly text: string;
}

/** How an incident of coalmine ended up, beside the truth. */
export interface Judged {
  readonly incident: string;
  readonly kind: string;
  readonly hop: string;
  readonly pattern: string | null;
  readonly detectedMs: number;
  readonly endedMs: number | null;
  readonly targets: { readonly n: number; readonly of: number; readonly truly: number };
  /** Share missing of the touched targets, with its stated interval, and what it truly was over the same canaries. */
  readonly rate: {
    readonly share: number;
    readonly low: number;
    readonly high: number;
    readonly truly: number;
  };
  readonly lost: { readonly said: number; readonly truly: number };
  readonly recovered: { readonly said: number; readonly truly: number };
}

/** What another kind of monitor said of the same events. */
export interface OtherMonitor {
  readonly name: 'uptime check' | 'last event seen' | 'volume drop' | '3 in a row';
  /** How it was set up: thresholds in words, with why they are usual. */
  readonly setUp: string;
  /** Its first alarm that the incident explains; null: none. */
  readonly saidMs: number | null;
  readonly said: string | null;
  /** Alarms that nothing explains. */
  readonly falseAlarms: number;
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  readonly options: ScenarioOptions;
  readonly facts: readonly Fact[];
  /** What the facts leave open, and what was assumed here. */
  readonly assumptions: readonly string[];
  /** Unix milliseconds, as all times below. */
  readonly startMs: number;
  readonly endMs: number;
  /** null: nothing happens. */
  readonly onsetMs: number | null;
  /** When it was noticed in fact, where that is known. */
  readonly noticedMs: number | null;
  readonly canaries: number;
  readonly targets: number;
  /** The same number of buckets for every scenario, oldest first. */
  readonly buckets: readonly Bucket[];
  readonly said: readonly Said[];
  readonly incidents: readonly Judged[];
  /** Incidents that nothing explains. */
  readonly falseAlarms: number;
  readonly others: readonly OtherMonitor[];
  /** What it took to compute, milliseconds of real time. Not part of what a seed fixes. */
  readonly tookMs: number;
}

/** One minute of a scenario's path: what other monitors are fed with, in order. */
export interface PathMinute {
  /** Its end. */
  readonly atMs: number;
  /** Share of the agents whose process answers a health request, 0–1. */
  readonly agentsAnswering: number;
  /** How old the newest event at the destination is, by when it arrived there. */
  readonly lastEventAgeMs: number;
  /** Real events that arrived at the destination in this minute. */
  readonly events: number;
  /** One canary sent in this minute through whichever agent it met, judged at D: what a fixed-threshold canary counts. */
  readonly probeCanary: 'arrived' | 'missing';
  /** The moment at which that canary is judged: a monitor that counts it can't speak before. */
  readonly probeJudgedMs: number;
}
