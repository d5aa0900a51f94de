/** What each scenario teaches, in words that no run changes: figures are added from the runs. */
export const LESSONS: Readonly<Record<string, string>> = {
  'microsoft-2024-09':
    'A service can be up, its agents can answer every health check, and logs are lost all the same: only what travels through the same dispatcher to the table that people read can tell. With canaries pinned to agents, a stalled agent loses all of its own, so the first one is found while it is the only one. And looking must not stop when a loss is declared: a restart brings back what the caches still hold.',
  'microsoft-2024-09-customer':
    'A customer has no agent to pin a canary to: each goes through whichever agent it meets, so only the stalled share of them is lost, and that share grows slowly. Rare single losses must add up to an alarm; a rule that asks for several in a row waits until most of the path is gone.',
  'cloudflare-2024-11':
    'Half of everything is missing, and the other half arrives in time: whatever asks only for the newest event sees nothing wrong. A sharp, large loss is where a volume alert does well, once the intervals that it needs have passed.',
  'duo-2020-08':
    'The source comes back with all that it held, but a poller whose cursor has moved on never asks for that time again: what is late upstream is lost downstream. So each checkpoint is judged for itself, and by when events were sent, not by when somebody asked.',
  'duo-2023-06':
    'A log service hangs after a deploy and holds everything back until somebody restarts it. How soon people know decides how long it lasts: the alarm is worth what it saves of the time before the restart.',
  'duo-2023-09':
    'Late isn’t lost. Everything arrived in the end, and a deadline for loss that is longer than any hold-up worth waiting for lets coalmine say exactly that: all of it overdue, none of it lost.',
  'github-2024-07':
    'One partition of many is late while the others look well. A canary for each partition turns “a little slow on average” into “this one, all of it”.',
  'aws-2024-07':
    'One cell of a shared service fails, and everything that is built on it is late or fails in its own way. What people feel is at the destination, and that is where it has to be measured.',
  'honeycomb-eu-2025-12':
    'A fraction of a percent of the data sets was down for days. No average shows that, and no volume alert: a canary in each of the partitions does.',
  'okta-log-streaming':
    'The stream switches itself off after two failed attempts, says nothing, and doesn’t replay. Silence is the failure here, so silence has to be somebody’s evidence: canaries that don’t come prove it.',
  'quiet-year':
    'Whoever is woken by alarms that mean nothing stops listening. The detector is set for at most one false alarm in a year over all targets, and that promise is held by its mathematics, not by a threshold that somebody liked.',
};
