import { beforeEach, describe, expect, it } from 'vitest';
import { Facts, type FactsChange } from '../../../edge/control/facts.ts';
import { deriveStatus } from '../../../shared/domain/status.ts';
import { newService } from '../../compliance/data.ts';

const service = newService('ada', 'app');
const target = service.targets[0]?.id ?? '';
let facts: Facts;
let changes: FactsChange[];
const status = (): string => deriveStatus(service, facts.of(service, 5)).status;
beforeEach(() => {
  facts = new Facts({ certificate: () => ({ state: 'ready' }) });
  facts.setRouted(5);
  facts.setAgentUp('ada', true);
  changes = [];
  facts.watch((change) => changes.push(change));
});

describe('facts', () => {
  it('make a service pending until its revision is routed', () => {
    expect(deriveStatus(service, facts.of(service, 6)).status).toBe('pending');
    facts.setRouted(6);
    expect(deriveStatus(service, facts.of(service, 6)).status).toBe('active');
    expect(changes).toEqual(['routed']);
  });

  it('of a failed dial last until a dial succeeds', () => {
    facts.dialled('ada', target, 'origin_refused');
    expect(status()).toBe('error');
    facts.dialled('ada', target, undefined);
    expect(status()).toBe('active');
    expect(changes).toEqual([['ada'], ['ada']]);
  });

  it("of a failed dial yield to the agent's later word, and the other way round", () => {
    facts.dialled('ada', target, 'origin_refused');
    facts.report('ada', new Map());
    expect(status()).toBe('active');
    facts.report('ada', new Map([[target, 'origin_not_allowed']]));
    expect(status()).toBe('error');
    facts.dialled('ada', target, undefined);
    expect(status()).toBe('active');
  });

  it('that change nothing are told to nobody', () => {
    facts.dialled('ada', target, undefined);
    facts.report('ada', new Map());
    facts.setAgentUp('ada', true);
    facts.setRouted(5);
    facts.dialled('ada', target, 'origin_timeout');
    facts.dialled('ada', target, 'origin_timeout');
    facts.report('ada', new Map([[target, 'origin_timeout']]));
    expect(changes).toEqual([['ada']]);
  });

  it('about targets go with the last tunnel of the agent, and a dial that failed with it adds none', () => {
    facts.dialled('ada', target, 'origin_refused');
    facts.setAgentUp('ada', false);
    facts.dialled('ada', target, 'origin_timeout');
    expect(facts.hasProblems('ada')).toBe(false);
    facts.setAgentUp('ada', true);
    expect(status()).toBe('active');
  });

  it('about targets that are gone are forgotten', () => {
    facts.dialled('ada', target, 'origin_refused');
    facts.dialled('ada', 'gone', 'origin_refused');
    facts.keepOnly('ada', new Set([target]));
    expect(status()).toBe('error');
    facts.keepOnly('ada', new Set());
    expect(facts.hasProblems('ada')).toBe(false);
  });
});
