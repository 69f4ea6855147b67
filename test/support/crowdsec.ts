import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StandInDecision {
  readonly id: number;
  readonly value: string;
  readonly type: string;
  readonly scope?: string;
  readonly duration?: string;
}

/**
 * Stands in for CrowdSec's local API: the decision stream alone, in the form that version 1.4 of the real one sends it
 * (recorded from Debian's package), remembering by key what it has told. `test/integration/crowdsec.test.ts` asks the
 * same of the real one where it is installed.
 */
export class CrowdsecStandIn {
  readonly key = 'a-bouncer-key';
  readonly #server: Server;
  readonly #told = new Set<number>();
  #decisions = new Map<number, StandInDecision>();
  #gone: StandInDecision[] = [];
  /** Answers instead of the stream, for as long as it is set. */
  odd: { readonly status: number; readonly body: string } | undefined;
  /** Query strings of the questions so far. */
  readonly asked: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port = 0): Promise<CrowdsecStandIn> {
    const server = createServer();
    const standIn = new CrowdsecStandIn(server);
    server.on('request', (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://stand-in');
      standIn.asked.push(searchParams.toString());
      const send = (status: number, body: string): void =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      if (request.headers['x-api-key'] !== standIn.key) send(403, '{"message":"access forbidden"}');
      else if (pathname !== '/v1/decisions/stream') send(404, '{"message":"Page or Method not found"}');
      else if (standIn.odd !== undefined) send(standIn.odd.status, standIn.odd.body);
      else send(200, standIn.#answer(searchParams.get('startup') === 'true'));
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return standIn;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? (address satisfies AddressInfo).port : 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  add(decision: StandInDecision): void {
    this.#decisions.set(decision.id, decision);
  }

  remove(id: number): void {
    const decision = this.#decisions.get(id);
    this.#decisions.delete(id);
    if (decision !== undefined) this.#gone.push(decision);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(startup: boolean): string {
    const fresh = [...this.#decisions.values()].filter((d) => startup || !this.#told.has(d.id));
    for (const { id } of fresh) this.#told.add(id);
    const gone = this.#gone;
    this.#gone = [];
    return JSON.stringify({ deleted: listOf(gone), new: listOf(fresh) });
  }
}

/** Empty lists are `null` there. */
const listOf = (decisions: readonly StandInDecision[]): object[] | null =>
  decisions.length === 0
    ? null
    : decisions.map(({ id, value, type, scope = value.includes('/') ? 'Range' : 'Ip', duration = '3h59m58.2s' }) => ({
        duration,
        id,
        origin: 'cscli',
        scenario: "manual 'ban' from 'localhost'",
        scope,
        type,
        value,
      }));
