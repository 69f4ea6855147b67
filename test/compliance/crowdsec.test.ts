import { CrowdsecStandIn } from '../support/crowdsec.ts';
import { crowdsecSuite } from './crowdsec.ts';

crowdsecSuite('CrowdSec, stood in for', async () => {
  const api = await CrowdsecStandIn.start();
  const ids = new Map<string, number>();
  return {
    url: api.url,
    key: api.key,
    async ban(value, type) {
      ids.set(value, ids.size + 1);
      api.add({ id: ids.size, value, type });
    },
    async takeBack(value) {
      api.remove(ids.get(value) ?? 0);
    },
    stop: () => api.stop(),
  };
});
