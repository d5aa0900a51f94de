/**
 * Which requirements a report is evidence for, by their ids, in words of our own. A report speaks to a requirement; whether
 * it is met is for an assessor to say.
 */

/** A section of the report, by its id. */
export type Speaks = 'summary' | 'pipelines' | 'incidents' | 'targets' | 'record';

export interface Control {
  readonly source: string;
  readonly id: string;
  /** What it asks for, paraphrased. */
  readonly asks: string;
  readonly speaks: readonly Speaks[];
}

const NIST = 'NIST SP 800-53 Rev. 5';
const PCI = 'PCI DSS 4.0.1';
const ISO = 'ISO/IEC 27001:2022';
const CIS = 'CIS Controls 8.1';
const CSF = 'NIST CSF 2.0';

export const CONTROLS: readonly Control[] = [
  {
    source: NIST,
    id: 'AU-5',
    asks: 'When audit logging fails, those responsible are told within a set time, and something is done.',
    speaks: ['incidents'],
  },
  {
    source: NIST,
    id: 'AU-5(2)',
    asks: 'For failures that matter, the alert comes at once.',
    speaks: ['incidents'],
  },
  {
    source: NIST,
    id: 'AU-6',
    asks: 'Audit records are reviewed: which takes that they reach the place where it is done.',
    speaks: ['pipelines'],
  },
  {
    source: NIST,
    id: 'AU-12',
    asks: 'Audit records come from every component that is meant to give them.',
    speaks: ['targets', 'pipelines'],
  },
  {
    source: NIST,
    id: 'CA-7',
    asks: 'Controls are watched all the time, by metrics and at intervals that were set beforehand.',
    speaks: ['pipelines', 'summary'],
  },
  {
    source: NIST,
    id: 'SI-4',
    asks: 'Systems are watched for attacks: which takes that the watching itself isn’t blind.',
    speaks: ['pipelines', 'incidents'],
  },
  {
    source: PCI,
    id: '10.7.2',
    asks: 'When a critical security control fails, audit logging and its review among them, that is found, alerted and dealt with promptly.',
    speaks: ['incidents'],
  },
  {
    source: PCI,
    id: '10.7.3',
    asks: 'Such a failure is answered: function restored, duration and cause on record, what arose from it looked into, a repetition prevented, monitoring resumed.',
    speaks: ['incidents'],
  },
  {
    source: 'DORA, RTS (EU) 2024/1774',
    id: 'Art. 12(2)(e)',
    asks: 'There are measures that detect when a logging system fails.',
    speaks: ['pipelines', 'incidents'],
  },
  {
    source: 'NIS2, (EU) 2024/2690',
    id: 'Annex 3.2',
    asks: 'Activity is logged and watched, and the logging itself is kept working.',
    speaks: ['pipelines', 'targets'],
  },
  {
    source: ISO,
    id: 'A.8.15',
    asks: 'Events are logged, and the logs are kept, protected and analysed.',
    speaks: ['pipelines', 'record'],
  },
  {
    source: ISO,
    id: 'A.8.16',
    asks: 'Networks, systems and applications are watched for what is out of the ordinary.',
    speaks: ['pipelines', 'incidents'],
  },
  {
    source: 'SOC 2',
    id: 'CC7.2',
    asks: 'System components are monitored for anomalies, and these are analysed.',
    speaks: ['pipelines', 'incidents'],
  },
  {
    source: 'SOC 2',
    id: 'CC4.1',
    asks: 'It is evaluated whether controls are there and work.',
    speaks: ['summary', 'pipelines'],
  },
  {
    source: CIS,
    id: '8.2',
    asks: 'Audit logs are collected from all assets.',
    speaks: ['targets', 'pipelines'],
  },
  { source: CIS, id: '8.9', asks: 'Audit logs are brought to one place.', speaks: ['pipelines'] },
  { source: CIS, id: '8.11', asks: 'Audit logs are reviewed.', speaks: ['pipelines'] },
  {
    source: CSF,
    id: 'DE.CM',
    asks: 'Assets are watched continuously, to find what is adverse.',
    speaks: ['pipelines', 'incidents'],
  },
  {
    source: CSF,
    id: 'PR.PS-04',
    asks: 'Log records are made, and are there for those who watch.',
    speaks: ['pipelines', 'targets'],
  },
];
