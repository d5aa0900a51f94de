/** A real VictoriaLogs: pushed to by Loki's API, asked by its own, which answers in JSON lines, page by page. */
import { logStorePeer } from './support/log-store.ts';
import { VICTORIA_LOGS, victoriaLogsAt } from './support/victoria-logs.ts';

logStorePeer({ name: 'VictoriaLogs', needs: [VICTORIA_LOGS] }, victoriaLogsAt);
