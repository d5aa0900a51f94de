/** What people say of an incident, and plain forms to say more. */
import type { Incident } from '../../domain/incident.ts';
import { BY_CHARS_MAX, NOTE_CHARS_MAX } from '../../domain/incident-note.ts';
import { incidentPath } from './incident-text.ts';
import { At, Section } from './parts.tsx';

export const Notes = ({
  incident,
  nowMs,
  mayWrite,
}: {
  incident: Incident;
  nowMs: number;
  mayWrite: boolean;
}) => (
  <Section id="notes" title="Notes">
    {incident.notes.length === 0 ? <p class="none">Nobody has noted anything down yet.</p> : null}
    <ol class="notes">
      {incident.notes.map(n => (
        <li>
          <p class="by">
            <b>{n.by}</b> {n.kind === 'ack' ? 'took it' : null} <At ms={n.atMs} nowMs={nowMs} seconds />
          </p>
          {n.text === '' ? null : <p class="text">{n.text}</p>}
        </li>
      ))}
    </ol>
    {mayWrite ? <NoteForm id={incident.id} /> : null}
  </Section>
);

const Name = ({ id }: { id: string }) => (
  <p>
    <label for={id}>Your name</label>
    <input id={id} name="by" maxlength={BY_CHARS_MAX} autocomplete="name" />
  </p>
);

const NoteForm = ({ id }: { id: number }) => (
  <form class="write" id="note-form" data-keep method="post" action={`${incidentPath(id)}/notes`}>
    <p class="wide">
      <label for="note-text">What do you know, or what was done?</label>
      <textarea id="note-text" name="text" rows={3} maxlength={NOTE_CHARS_MAX} required />
    </p>
    <Name id="note-by" />
    <button type="submit">Add note</button>
  </form>
);

/** Reminders stop once somebody has taken it. */
export const AckForm = ({ id }: { id: number }) => (
  <form class="write ack" id="ack-form" data-keep method="post" action={`${incidentPath(id)}/ack`}>
    <Name id="ack-by" />
    <button type="submit" class="primary" aria-describedby="ack-means">
      Acknowledge
    </button>
    <small id="ack-means">Nobody has taken it yet. Once somebody has, reminders stop.</small>
  </form>
);
