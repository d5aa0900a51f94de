/** A private VictoriaLogs: its own data directory and port. */
import { join } from 'node:path';
import { type LogStore, nameOfRecord } from './log-store.ts';
import { builtByGo } from './needs.ts';
import { answersOk, freePorts, type PeerProcess, startPeer } from './process.ts';

const REPOSITORY = 'github.com/VictoriaMetrics';

/** The library that it names itself has no release; the one named here is the next that has. */
export const VICTORIA_LOGS = builtByGo('victoria-logs', `${REPOSITORY}/VictoriaLogs/app/victoria-logs`, [
  `${REPOSITORY}/VictoriaLogs@v1.51.1-0.20260624061259-dc94972a8708`,
  `${REPOSITORY}/VictoriaMetrics@v1.151.0`,
]);

/** Small, so that a look takes several pages: it reads all of the last minutes again. */
const PAGE_SIZE = 50;
const QUERY = `_msg:{{prefix}}*&start={{from_ns}}&end={{to_ns}}&limit={{page_size}}&offset={{offset}}`;

const observeOf = (url: string): string => `{
        kind: http, url: "${url}/select/logsql/query?query=${QUERY}",
        answer: ndjson, records: "", text: _msg, event_time: { path: _time },
        paging: { kind: offset }, page_size: ${PAGE_SIZE} }`;

export const victoriaLogsAt = async (dir: string): Promise<LogStore> => {
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  let now: PeerProcess | undefined;
  return {
    url,
    pushPath: '/insert',
    observe: observeOf(url),
    async held() {
      const asked = new URLSearchParams({ query: '*', limit: '100000' });
      const answer = await fetch(`${url}/select/logsql/query?${asked}`, {
        signal: AbortSignal.timeout(5_000),
      });
      const lines = (await answer.text()).split('\n').filter(line => line !== '');
      return lines.map(line => {
        const { host, _msg } = JSON.parse(line) as { host: string; _msg: string };
        return nameOfRecord(host, _msg);
      });
    },
    async start() {
      now = await startPeer({
        command: VICTORIA_LOGS.at() ?? 'victoria-logs',
        args: [`-httpListenAddr=127.0.0.1:${port}`, `-storageDataPath=${join(dir, 'data')}`],
        ready: () => answersOk(`${url}/health`),
      });
    },
    stop: async () => void (await now?.end()),
  };
};
