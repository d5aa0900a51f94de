/**
 * The sign-in service: somebody signs in, and it is the service that authors the record. What it was told ends up
 * in the record, its id and time are its own.
 */
import { BadRequest } from './http.ts';

export interface SignIn {
  readonly id: string;
  readonly line: string;
}

/** A sign-in's record from the fields of a request: user, source_ip, user_agent, correlation_id. */
export function authorSignIn(
  fields: Readonly<Record<string, unknown>>,
  nowMs: number,
  random: () => number,
): SignIn {
  const id = uuid4(random);
  const record = {
    time: new Date(nowMs).toISOString(),
    event: 'signin',
    id,
    result: 'success',
    service: 'lab-signin',
    user: text(fields, 'user'),
    source_ip: text(fields, 'source_ip'),
    user_agent: text(fields, 'user_agent'),
    correlation_id: text(fields, 'correlation_id'),
  };
  return { id, line: JSON.stringify(record) };
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value.length <= 4096) return value;
  throw new BadRequest(
    `${name}: expected text of at most 4096 characters, found ${JSON.stringify(value)?.slice(0, 100)}`,
  );
}

/** A version 4 UUID (RFC 9562) from the lab's own randomness, so that a run can be repeated. */
function uuid4(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  hex[12] = '4';
  hex[16] = (8 + Math.floor(random() * 4)).toString(16);
  const id = hex.join('');
  return [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-');
}
