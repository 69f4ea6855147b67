import './styles.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { createLogStore } from './log/log-store.ts';
import { createMirror } from './state/mirror.ts';
import { PortholeProvider } from './state/porthole.tsx';
import { createTraffic } from './state/traffic.ts';
import { language } from './strings/strings.ts';
import { createBridgeClient } from './transport/bridge-client.ts';
import { browserEnvironment } from './transport/browser-environment.ts';
import { createWebClient } from './transport/web-client.ts';

const transport =
  window.porthole === undefined ? createWebClient(browserEnvironment) : createBridgeClient(window.porthole);
const log = createLogStore(transport);
const mirror = createMirror(transport).store;
const traffic = createTraffic(transport).store;

document.documentElement.lang = language;
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <PortholeProvider value={{ transport, mirror, log, traffic }}>
      <App />
    </PortholeProvider>
  </StrictMode>,
);
