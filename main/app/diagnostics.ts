import type { AgentState } from '../../shared/contract/agent-state.ts';
import { redact } from '../../shared/node/logger.ts';

/**
 * What helps whoever helps, as text: what runs where, how the links stand, what is wrong, the newest lines of the log.
 * Names and paths of the user's are in it, secrets are not.
 */
export function diagnosticsOf(state: AgentState, log: string): string {
  const { host, edge, services, links = [], ports, vault, trust, phase } = state;
  const about = {
    porthole: host.version,
    host: host.kind,
    platform: host.platform,
    arch: process.arch,
    node: process.versions.node,
    electron: process.versions.electron,
    home: host.home,
    phase,
    vault,
    trust,
    edge,
    links,
    services: services.map(({ id, mode, enabled, status, statusReason, source }) => ({
      id,
      mode,
      enabled,
      status,
      statusReason,
      source,
    })),
    listeningPorts: ports.length,
  };
  const lines = log
    .split('\n')
    .map((line) => String(redact(line)))
    .join('\n');
  return `${JSON.stringify(redact(about), undefined, 2)}\n\n${lines}`;
}
