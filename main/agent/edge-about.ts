import { request } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { EdgeCertificate } from '../../shared/contract/agent-state.ts';
import { API_PREFIX, type EdgeAbout, edgeAboutSchema } from '../../shared/contract/control-api.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { because } from '../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { fingerprintOf } from './certificates.ts';
import { readJson } from './control-request.ts';
import { errorCode, unreachableReason } from './dial-error.ts';
import { describeEdge, type EdgeAddress, type EdgeTrust } from './edge-address.ts';
import { createEdgeDialler } from './edge-dialler.ts';
import { directly, type FindWay } from './proxy-choice.ts';

/** Bytes that an edge may say about itself. */
const ABOUT_LIMIT = 16 * 1024;

/** What can be learned of an edge without being known to it. */
export interface EdgeGlance {
  readonly certificate: EdgeCertificate;
  /** What it says of itself; versions that don't know the question leave it out. */
  readonly about?: EdgeAbout;
  /** Its clock, in milliseconds since the epoch, to the second (RFC 9110 section 6.6.1). */
  readonly date?: number;
}

/**
 * Looks at the edge: dials it, checks its certificate as `trust` says, and asks what it is. It is sent no secret. Fails
 * as the dialler does, or with `edge_unreachable` or `edge_odd`; `signal` gives up.
 */
export async function glanceAt(
  address: EdgeAddress,
  trust: EdgeTrust,
  signal: AbortSignal,
  findWay: FindWay = directly,
): Promise<Result<EdgeGlance, Failure>> {
  const dialled = await createEdgeDialler(address, trust, { findWay }).dial({ purpose: 'control', signal });
  if (!dialled.ok) return dialled;
  const { socket } = dialled.value;
  const leaf = socket.getPeerX509Certificate();
  const pinned = trust.fingerprint ?? undefined;
  const isPrivate = pinned !== undefined || trust.caPem !== undefined;
  const fingerprint = pinned ?? (leaf === undefined ? '' : fingerprintOf(leaf));
  const answer = await ask(socket, address, signal);
  socket.destroy();
  if (!answer.ok) return answer;
  return ok({ certificate: { kind: isPrivate ? 'private' : 'public', fingerprint }, ...answer.value });
}

function ask(
  socket: TLSSocket,
  address: EdgeAddress,
  signal: AbortSignal,
): Promise<Result<Omit<EdgeGlance, 'certificate'>, Failure>> {
  const at = describeEdge(address);
  return new Promise((resolve) => {
    const broken = (error: unknown): void => {
      const code = errorCode(error);
      if (code.startsWith('HPE_')) resolve(err(failure('edge_odd', { address: at, reason: because('not_http') })));
      else {
        const reason = unreachableReason(code) ?? because('silent');
        resolve(err(failure('edge_unreachable', { address: at, reason })));
      }
    };
    const sent = request({
      createConnection: () => socket,
      signal,
      path: `${API_PREFIX}/about`,
      host: address.domain ?? address.host,
      headers: { accept: 'application/json', connection: 'close' },
    });
    sent.on('error', broken);
    sent.on('response', (response) => {
      const date = Date.parse(response.headers.date ?? '');
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length > ABOUT_LIMIT) response.destroy();
      });
      response.on('error', broken);
      response.on('close', () => {
        const about = response.statusCode === 200 ? edgeAboutSchema.safeParse(readJson(text)) : undefined;
        if (!response.complete || about?.success === false)
          return resolve(err(failure('edge_odd', { address: at, reason: because('answer_odd') })));
        resolve(
          ok({
            ...(about === undefined ? {} : { about: about.data }),
            ...(Number.isNaN(date) ? {} : { date }),
          }),
        );
      });
    });
    sent.end();
  });
}
