/** A real Grafana Loki, of which the user gives the program: pushed to, and asked by event time, page by page. */
import { logStorePeer } from './support/log-store.ts';
import { LOKI, lokiAt } from './support/loki.ts';

logStorePeer({ name: 'Grafana Loki', needs: [LOKI] }, lokiAt);
