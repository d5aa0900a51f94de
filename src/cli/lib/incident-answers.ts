/** Incidents as the API answers them, from a server or from the store. */
import type { z } from 'zod';
import type { Saying } from '../../domain/incident-note.ts';
import type { incident, incidentDetail, note } from '../../web/api/incident-schemas.ts';

export type IncidentAnswer = z.infer<typeof incident>;
export type StoryAnswer = z.infer<typeof incidentDetail>;
export type NoteAnswer = z.infer<typeof note>;

export interface ListAsked {
  readonly pipeline?: string;
  readonly state: 'open' | 'ended';
  /** Those that ended since then. */
  readonly sinceMs?: number;
}

/** So many are listed at most. */
export const LIST_MAX = 200;

export interface IncidentSource {
  /** Newest first, at most LIST_MAX; `more`: there are others. */
  list(asked: ListAsked): Promise<{ readonly data: readonly IncidentAnswer[]; readonly more: boolean }>;
  /** Throws CliError where there is none. */
  story(id: number): Promise<StoryAnswer>;
  /** Throws CliError where there is none, or it has too many notes. */
  say(id: number, saying: Saying): Promise<NoteAnswer>;
}
