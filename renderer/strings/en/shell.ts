import { count } from '../count.ts';

/** What is there on every screen. */
export const shell = {
  product: 'Porthole',
  nav: { label: 'Main', services: 'Services', log: 'Access log', settings: 'Settings', skip: 'Skip to content' },
  common: {
    cancel: 'Cancel',
    close: 'Close',
    loading: 'Loading',
    tryAgain: 'Try again',
  },
  failures: {
    offline: 'Porthole has stopped, so nothing was changed. Start it again, then repeat this.',
  },
  gone: {
    title: 'Porthole has stopped.',
    body: 'Your services are not reachable. Start it again and open the link that it prints. If only the way to it broke, this page goes on by itself.',
    refusedTitle: 'This page’s session is over.',
    refusedBody:
      'Porthole was started anew, or this link was opened elsewhere. For a new link, press Enter in the terminal where Porthole runs, or start it again.',
  },
  phase: {
    starting: 'Porthole is starting.',
    stopping: 'Porthole is stopping. Your services go offline.',
  },
  vault: {
    memory:
      'This machine offers no safe place for secrets. Porthole keeps its key in memory, so this laptop must join again after a restart.',
  },
  settings: {
    asideTitle: 'Your settings were damaged.',
    asideBody: (path: string) =>
      `Porthole began with empty ones: join your edge again, and publish anew what is missing. The damaged file is kept in ${path}.`,
  },
  link: {
    up: 'Connected',
    connecting: 'Connecting',
    down: 'Not connected',
    paused: 'Paused',
    starting: 'Starting',
    restarting: 'Restarting',
    gone: 'Stopped',
    embedded: 'Edge on this laptop',
    roundTrip: (ms: string) => `${ms} round trip`,
    connectingTitle: (domain: string) => `Connecting to ${domain}.`,
    seeOffline: 'Visitors see an “offline” page until the connection is up.',
    /** Whether an edge that can't be reached answers visitors can't be told from here. */
    seeOfflineIf: 'Visitors see the edge’s “offline” page, as long as the edge itself answers.',
    downTitle: (domain: string) => `No connection to ${domain}.`,
    keepsTrying: 'Porthole keeps trying.',
    keepsTryingFar: 'Porthole keeps trying; check this laptop’s network if it lasts.',
    pausedTitle: 'Paused.',
    pausedBody: 'Nothing on this laptop is reachable until you resume.',
    edgeStarting: 'The edge on this laptop is starting.',
    edgeStartingBody: 'This takes a moment the first time.',
    edgeStopped: 'The edge on this laptop stopped.',
    edgeStartingAgain: 'Nobody answers at your addresses until it runs.',
    edgeStoppedBody: 'Nobody answers at your addresses until it is back. It is started again by itself.',
    retryNow: 'Trying again now.',
    retryIn: (seconds: number) => `Trying again in ${seconds} s.`,
    announceUp: 'Connected.',
    announceDown: 'Connection lost.',
  },
  quitting: {
    open: 'Quit',
    title: 'Quit Porthole?',
    none: 'Nothing is public right now, so no visitor notices.',
    some: (n: number) => count(n, '1 service goes offline:', '# services go offline:'),
    more: (n: number) => `and ${n} more`,
    back: (n: number) =>
      count(n, 'It comes back when Porthole starts again.', 'They come back when Porthole starts again.'),
    confirm: 'Quit',
    working: 'Quitting…',
  },
  time: {
    now: 'now',
    seconds: (n: number) => `${n} s`,
    minutes: (n: number) => `${n} min`,
    hours: (n: number) => `${n} h`,
  },
} as const;
