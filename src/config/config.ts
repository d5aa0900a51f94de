/**
 * The validated configuration: what the rest of the program reads. All durations are milliseconds, all rates
 * fractions, all secrets resolved. `schema.ts` says how coalmine.yaml becomes this.
 */

export type ScheduleConfig =
  | { readonly kind: 'every'; readonly everyMs: number }
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone: string };

export type Sampling = 'uniform' | 'poisson' | 'fixed';

/** An adapter's kind with its settings, already parsed by the adapter's own schema. */
export interface AdapterConfig {
  readonly kind: string;
  readonly settings: unknown;
  /** With discovery: the settings before the schema read them, for targets to lay their own over. */
  readonly given?: Readonly<Record<string, unknown>>;
}

export interface TargetConfig {
  readonly name: string;
  /** Present where the target has inject settings of its own: the pipeline's, overlaid with the target's. */
  readonly inject?: AdapterConfig;
}

/** Where targets come from when they aren't listed: re-read every `refreshMs`. */
export type DiscoveryConfig =
  | { readonly kind: 'file_sd'; readonly files: readonly string[]; readonly refreshMs: number }
  | { readonly kind: 'http_sd'; readonly url: string; readonly refreshMs: number };

export interface EventConfig {
  readonly format: string;
  readonly user: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** Only for `template`: the text with {{token}}, {{time}}, … in it. */
  readonly template?: string;
}

/** A declared change of a field on the way: `rename a to b`, `drop c`, `truncate d at 1000`. */
export type TransformConfig =
  | { readonly kind: 'rename'; readonly field: string; readonly to: string }
  | { readonly kind: 'drop'; readonly field: string }
  | { readonly kind: 'truncate'; readonly field: string; readonly at: number };

export interface CheckpointConfig {
  readonly name: string;
  /** Survives a rename; the name unless given. */
  readonly id: string;
  /** The checkpoint before this one; null: straight after injection. */
  readonly after: string | null;
  readonly observe: AdapterConfig;
  /** Dotted path in the record where the token must stand; without it a record must carry the event itself. */
  readonly at?: string;
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
  readonly keepsMs: number;
  readonly settleMs: number;
  /** How often to look while something is pending; a look also falls just after each deadline. */
  readonly lookEveryMs: number;
  /** How long a lost canary is still looked for. At most `keepsMs`. */
  readonly lookBackMs: number;
  readonly transforms: readonly TransformConfig[];
  /** How long this hop holds events it can't pass on, where the operator says. */
  readonly holdsMs?: number;
}

export interface ObjectiveConfig {
  /** Fractions, such as 0.999. */
  readonly onTime: number;
  readonly delivered: number;
  readonly windowMs: number;
}

export interface PipelineConfig {
  readonly name: string;
  /** Survives a rename; the name unless given. */
  readonly id: string;
  readonly title: string;
  readonly schedule: ScheduleConfig;
  readonly sampling: Sampling;
  readonly targets: readonly TargetConfig[];
  readonly discovery?: DiscoveryConfig;
  /** Absent on provoked pipelines. */
  readonly event?: EventConfig;
  readonly inject: AdapterConfig;
  readonly sendWithinMs: number;
  readonly checkpoints: readonly CheckpointConfig[];
  readonly objective: ObjectiveConfig;
  /** Real events per hour, where the operator says. */
  readonly volumePerHour?: number;
  /** How many canaries the shipper sends in one batch, where the operator says. */
  readonly batch?: number;
  /** False alarms that are acceptable per year. */
  readonly falseAlarmsPerYear: number;
  readonly notify: { readonly loss: readonly string[]; readonly ours: readonly string[] };
}

export interface MaintenanceConfig {
  readonly pipelines: readonly string[];
  readonly window:
    | { readonly kind: 'once'; readonly fromMs: number; readonly toMs: number }
    | {
        readonly kind: 'recurring';
        readonly cron: string;
        readonly timezone: string;
        readonly forMs: number;
      };
}

export interface Config {
  readonly store:
    | { readonly kind: 'embedded'; readonly dataDir?: string }
    | { readonly kind: 'postgres'; readonly url: string };
  readonly listen: { readonly host: string; readonly port: number };
  readonly baseUrl: string;
  /** The first signs; all verify. */
  readonly signingKeys: readonly string[];
  readonly pipelines: readonly PipelineConfig[];
  readonly notify: Readonly<Record<string, AdapterConfig>>;
  readonly heartbeat?: { readonly url: string; readonly everyMs: number };
  readonly maintenance: readonly MaintenanceConfig[];
  readonly access: {
    readonly public: readonly string[];
    readonly publicIncidentDelayMs: number;
    /** Bearer keys by name, each with what it may do. */
    readonly keys: readonly {
      readonly name: string;
      readonly key: string;
      readonly scopes: readonly ('read' | 'ingest' | 'emit' | 'write')[];
    }[];
  };
  readonly retention: {
    readonly canariesMs: number;
    readonly exceptionsMs: number;
    readonly rollupsMs: number;
  };
}
