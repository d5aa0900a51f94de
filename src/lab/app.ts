/** The lab's HTTP face: the ways in, the knobs, the truth. */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Receipt } from './agent.ts';
import type { Shipped } from './collector.ts';
import { FaultsError } from './faults.ts';
import {
  BadRequest,
  BODY_BYTES_MAX,
  isObject,
  parseJson,
  problem,
  readCount,
  readLines,
  readText,
  readTimeMs,
  splitLines,
} from './http.ts';
import { PLACES, type Place } from './ledger.ts';
import { lokiApi } from './loki-api.ts';
import type { LabParts, LabStatus } from './parts.ts';
import { searchApi } from './search-api.ts';
import { authorSignIn } from './signin.ts';
import { STATES, type State, type Truth, type TruthQuery } from './truth.ts';

/** What the routes may ask of the lab as a whole. */
export interface LabControls {
  truth(query: TruthQuery): Truth;
  restart(agent: string): boolean;
  status(): LabStatus;
}

export function labApp(parts: LabParts, controls: LabControls): Hono {
  const app = new Hono();
  app.onError((error, c) => {
    if (error instanceof BadRequest || error instanceof FaultsError) return problem(c, 400, error.message);
    throw error;
  });
  const tooLarge = (c: Context) => problem(c, 413, `a body may hold ${BODY_BYTES_MAX} bytes`);
  app.use(bodyLimit({ maxSize: BODY_BYTES_MAX, onError: tooLarge }));
  agentRoutes(app, parts, controls);
  collectorRoutes(app, parts);
  signInRoutes(app, parts);
  app.post('/lab/intake/:route', async c => {
    const lines = await readLines(c);
    if (!parts.intake.receive(c.req.param('route'), lines))
      return problem(c, 503, 'queue full', { 'retry-after': '1' });
    return c.json({ accepted: lines.length }, 202);
  });
  app.get('/lab/faults', c => c.json(parts.world.faults.get()));
  app.put('/lab/faults', async c => c.json(parts.world.faults.set(parseJson(await readText(c)))));
  app.delete('/lab/faults', c => c.json(parts.world.faults.reset()));
  app.get('/lab/truth', c => c.json(controls.truth(readTruthQuery(c))));
  app.get('/lab', c => c.json(controls.status()));
  app.route('/', searchApi(parts.world, parts.store));
  app.route('/', lokiApi(parts.world, parts.store));
  return app;
}

function agentRoutes(app: Hono, { agents }: LabParts, controls: LabControls): void {
  const unknown = (c: Context) =>
    problem(c, 404, `no such agent; there are ${[...agents.keys()].join(', ')}`);
  app.post('/lab/agents/:name/logs', async c => {
    const agent = agents.get(c.req.param('name'));
    if (!agent) return unknown(c);
    const lines = await readLines(c);
    return answer(c, await agent.receive(lines, c.req.raw.signal), { accepted: lines.length });
  });
  app.get('/lab/agents/:name/healthz', c => {
    const agent = agents.get(c.req.param('name'));
    if (!agent) return unknown(c);
    const { ok, heartbeatMs } = agent.health();
    return ok ? c.json({ status: 'ok', heartbeatMs }) : problem(c, 503, 'agent is down');
  });
  app.post('/lab/agents/:name/restart', c =>
    controls.restart(c.req.param('name')) ? c.json({ restarted: c.req.param('name') }) : unknown(c),
  );
}

function collectorRoutes(app: Hono, { collector, world }: LabParts): void {
  app.post('/lab/collector/:route', async c => {
    const { agent, records } = readBatch(c, await readText(c), world.clock.now());
    const result = collector.receive(c.req.param('route'), agent, records);
    if (result === 'taken') return c.json({ accepted: records.length });
    return problem(c, 503, `collector is ${result}`, result === 'full' ? { 'retry-after': '1' } : {});
  });
}

/** A batch as agents send it, `{agent, records: [{ns, line}]}`, or lines of text stamped here. */
function readBatch(
  c: Context,
  body: string,
  nowMs: number,
): { agent: string | undefined; records: Shipped[] } {
  if (!c.req.header('content-type')?.startsWith('application/json')) {
    const ns = String(BigInt(Math.floor(nowMs)) * 1_000_000n);
    return { agent: undefined, records: splitLines(body).map(line => ({ ns, line })) };
  }
  const value = parseJson(body);
  if (!isObject(value) || !Array.isArray(value.records))
    throw new BadRequest('expected {"agent", "records": [{"ns", "line"}]}');
  const records = value.records.map((record: unknown): Shipped => {
    if (isObject(record) && /^\d{1,19}$/.test(String(record.ns)) && typeof record.line === 'string')
      return { ns: String(record.ns), line: record.line };
    throw new BadRequest('records: expected {"ns": "<nanoseconds>", "line": "text"} each');
  });
  return { agent: typeof value.agent === 'string' ? value.agent : undefined, records };
}

function signInRoutes(app: Hono, { agents, world }: LabParts): void {
  let turn = 0;
  app.post('/lab/signin', async c => {
    const names = [...agents.keys()];
    const name = c.req.query('agent') ?? names[turn++ % names.length]!;
    const agent = agents.get(name);
    if (!agent) return problem(c, 404, `no such agent; there are ${names.join(', ')}`);
    const isJson = c.req.header('content-type')?.startsWith('application/json');
    const fields = isJson ? parseJson(await readText(c)) : undefined;
    if (isObject(fields) && ('correlation_id' in fields || 'source_ip' in fields)) {
      const { id, line } = authorSignIn(fields, world.clock.now(), world.random);
      return answer(c, await agent.receive([line], c.req.raw.signal), { id, agent: name });
    }
    const lines = await readLines(c);
    return answer(c, await agent.receive(lines, c.req.raw.signal), { accepted: lines.length, agent: name });
  });
}

function answer(c: Context, receipt: Receipt, body: Record<string, unknown>): Response {
  if (receipt.status === 200) return c.json(body);
  const wait = receipt.retryAfterSeconds;
  return problem(
    c,
    receipt.status,
    receipt.message,
    wait === undefined ? {} : { 'retry-after': String(wait) },
  );
}

function readTruthQuery(c: Context): TruthQuery {
  const { since, until, agent, state, place, token, cursor, limit } = c.req.query();
  const among = <T extends string>(
    name: string,
    value: string | undefined,
    known: readonly T[],
  ): T | undefined => {
    if (value === undefined || known.includes(value as T)) return value as T | undefined;
    throw new BadRequest(`${name}: expected one of ${known.join(', ')}, found "${value}"`);
  };
  return {
    sinceMs: readTimeMs('since', since),
    untilMs: readTimeMs('until', until),
    agent,
    state: among<State>('state', state, STATES),
    place: among<Place>('place', place, PLACES),
    token,
    cursor: readCount('cursor', cursor, { min: 0, max: Number.MAX_SAFE_INTEGER, or: 0 }),
    limit: readCount('limit', limit, { min: 1, max: 10_000, or: 1000 }),
  };
}
