import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Failure, failure } from '../shared/domain/failure.ts';
import { err, ok, type Result } from '../shared/domain/result.ts';
import type { Clock } from '../shared/node/clock.ts';
import type { Lifetime } from '../shared/node/lifetime.ts';
import type { Logger } from '../shared/node/logger.ts';
import { systemReason } from '../shared/node/system-reason.ts';
import { Crowdsec } from './access/crowdsec.ts';
import type { AddressKnowledge } from './access/policy.ts';
import { CertificateSet } from './certificates/certificate-set.ts';
import type { HandshakeCertificates } from './certificates/certificates.ts';
import type { AccessConfig, EdgeConfig } from './config.ts';
import { type FactSink, Facts } from './control/facts.ts';
import { readNodeId } from './node-id.ts';
import type { AccessSink, Recorder } from './record/access-log.ts';
import { createRecorder } from './record/recorder.ts';
import { createStore } from './store/create-store.ts';
import type { Store } from './store/store.ts';

/** What every process of a node runs in. */
export interface Surroundings {
  /** Version of this software, for people. */
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a node runs in. */
export interface EdgeSurroundings extends Surroundings {
  /** The entry file, which the access log's thread (`record/recorder.ts`) and the workers' processes start with too. */
  readonly entry: URL;
}

export type Reputation = Pick<AddressKnowledge, 'remedy'>;

/** What the ways of visitors and agents know, whichever process they run in, and whom they tell. */
export interface Insight {
  readonly nodeId: string;
  readonly store: Store;
  readonly certificates: HandshakeCertificates;
  readonly facts: FactSink;
  readonly recorder: AccessSink;
  /** What CrowdSec wants done about addresses. */
  readonly reputation: Reputation;
  /** An agent was there. A lease, not configuration: where it can't be written is nobody's business on the way. */
  readonly seen: (agentId: string) => void;
}

/** What a node knows, and where it keeps that. */
export interface Knowledge extends Insight {
  readonly certificates: CertificateSet;
  readonly facts: Facts;
  readonly recorder: Recorder;
  /** Where `reputation` comes from, if it comes from anywhere. */
  readonly crowdsec: Crowdsec | undefined;
}

/**
 * Opens everything under the data folder, and the certificates wherever they are, to be closed with `life`. Fails with
 * a `data_*` or `certificate_*` failure.
 */
export async function openKnowledge(
  { dataDir, domain, certificates: sources, access }: EdgeConfig,
  { logger, clock, entry }: EdgeSurroundings,
  life: Lifetime,
): Promise<Result<Knowledge, Failure>> {
  const store = createStore({
    dataDir,
    serve: true,
    onDamaged: (serviceId, fault) => logger.error('a stored service is damaged and left out', { serviceId, fault }),
  });
  if (!store.ok) return store;
  life.defer(() => store.value.close());
  const nodeId = readNodeId(dataDir);
  if (!nodeId.ok) return nodeId;
  const certificates = await CertificateSet.open({ dataDir, domain, sources, clock, log: logger });
  if (!certificates.ok) return certificates;
  life.defer(() => certificates.value.close());
  const facts = new Facts({ certificate: (name) => certificates.value.state(name) });
  certificates.value.watch(() => facts.certificateChanged());
  const crowdsec = openCrowdsec(access, clock, logger, life);
  if (!crowdsec.ok) return crowdsec;
  const recorder = createRecorder({ file: join(dataDir, 'access.db'), entry, log: logger, clock });
  life.defer(() => recorder.close());
  return ok({
    nodeId: nodeId.value,
    store: store.value,
    certificates: certificates.value,
    facts,
    recorder,
    crowdsec: crowdsec.value,
    reputation: crowdsec.value ?? UNKNOWN_REPUTATION,
    seen: (agentId) => void store.value.touchAgent(agentId, clock.now()),
  });
}

/** Without a CrowdSec nothing is known, which `enforce` takes for a no. */
const UNKNOWN_REPUTATION: Reputation = { remedy: () => 'unavailable' };

/** The CrowdSec that the edge was told of. */
function openCrowdsec(
  { crowdsec }: AccessConfig,
  clock: Clock,
  logger: Logger,
  life: Lifetime,
): Result<Crowdsec | undefined, Failure> {
  if (crowdsec === undefined) return ok(undefined);
  const key = readKey(crowdsec.keyFile);
  if (!key.ok) return key;
  const followed = new Crowdsec({ url: crowdsec.url, key: key.value, clock, logger });
  life.defer(() => followed.close());
  followed.start();
  return ok(followed);
}

function readKey(path: string): Result<string, Failure> {
  try {
    const key = readFileSync(path, 'utf8').trim();
    if (/^[\x21-\x7e]{1,512}$/.test(key)) return ok(key);
    return err(failure('file_unusable', { path, reason: 'it does not hold a key, one line of letters and digits' }));
  } catch (error) {
    return err(failure('file_unusable', { path, reason: systemReason(error) }));
  }
}
