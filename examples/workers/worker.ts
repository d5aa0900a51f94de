// What wrangler.toml names as main: coalmine with the configuration beside this file.
import { version } from '../../package.json';
import { createWorker } from '../../src/runtimes/worker.ts';
import config from './coalmine.yaml';

const { handlers, Ticker } = createWorker({ config, version });
export default handlers;
export { Ticker };
