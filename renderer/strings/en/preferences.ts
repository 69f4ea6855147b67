import { count } from '../count.ts';

/** What is chosen for this laptop as a whole, and what it tells. */
export const preferences = {
  preferences: {
    title: 'Settings',
    general: 'General',
    language: 'Language',
    languages: { system: 'As the system', en: 'English', de: 'Deutsch' },
    languageHint: 'The window is loaded anew. The tray and notifications follow.',
    start: 'Start at login',
    startHint: 'Hidden, with the tray only. Your services are up as soon as you are logged in.',
    startNot: 'The desktop app can start at login; from a browser or a terminal, your system’s own means can.',
    notifications: 'Notifications',
    notificationsHint:
      'When this laptop was offline for half a minute and is back, a certificate failed, or a service has its first visitor.',
    notificationsNot: 'Notifications of the system come with the desktop app. Here, news show in this window.',
    notificationsOn: 'Tell me by notifications',
    quiet: 'Quiet hours',
    quietHint: 'No notifications meanwhile. News still show in this window.',
    from: 'From',
    to: 'To',
    updates: 'Updates',
    look: 'Look for newer versions',
    lookHint: 'Every six hours. Nothing is downloaded or installed without your word.',
    updatesNot:
      'This Porthole was not installed from a package that updates itself. Update it the way you installed it.',
    updatesOff: {
      source: 'It runs from its source code, where nothing looks for newer versions. Fetch newer source code instead.',
      feed: 'It was not told where newer versions are. Put the https address of their folder in settings.json as updateFeed, then restart Porthole.',
    },
    newer: 'Newer versions',
    lookNow: 'Check now',
    notLooked: 'Not looked for since Porthole started.',
    looks: {
      looking: 'Looking for newer versions…',
      none: 'Porthole is up to date.',
      failed: 'Could not look for newer versions.',
    },
    lookedAt: {
      none: (when: string) => `As of ${when}.`,
      found: (when: string) => `Looked ${when}.`,
      failed: (when: string) => `Tried ${when}.`,
    },
    lookTroubles: {
      unreachable:
        'Nothing answered where newer versions are, so there may be one. Check this laptop’s network, then check again.',
      unusable:
        'What answered where newer versions are has no list of them, so there may be one. Check again later, or tell whoever runs that server.',
      disk: 'Porthole cannot write to its own folder, which it must to look. Make room on the disk, then check again.',
      package:
        'This Porthole was installed in a way that cannot be replaced from within. Update it the way you installed it.',
    },
    version: (version: string) => `This is version ${version}.`,
    available: (version: string) => `Version ${version} is there.`,
    downloading: (version: string) => `Version ${version} is being downloaded.`,
    progress: (percent: string) => `${percent} done.`,
    ready: (version: string) => `Version ${version} is downloaded.`,
    failed: (version: string) => `Version ${version} could not be downloaded.`,
    downloadTroubles: {
      unreachable: 'Nothing has changed. Check this laptop’s network, then try again.',
      unusable:
        'What arrived is damaged or not there, and was thrown away. Try again later, or tell whoever runs that server.',
      disk: 'It could not be written. Make room on the disk, then try again.',
      package:
        'This Porthole was installed in a way that cannot be replaced from within. Update it the way you installed it.',
    },
    download: 'Download',
    restart: 'Restart to update…',
    restartTitle: (version: string) => `Restart into version ${version}?`,
    restartNone: 'Nothing is public right now, so no visitor notices.',
    restartSome: (n: number) => count(n, '1 service goes offline for a moment:', '# services go offline for a moment:'),
    restartDrops: (n: number) =>
      count(
        n,
        'Restarting takes 1 service offline for a moment, and ends its open connections.',
        'Restarting takes # services offline for a moment, and ends their open connections.',
      ),
    restartMore: (n: number) => `and ${n} more`,
    restartBack: 'Open connections end. Everything comes back when the new version has started.',
    restartConfirm: 'Restart now',
    restarting: 'Restarting…',
    help: 'Help and data',
    diagnostics: 'Copy diagnostics',
    diagnosticsCopying: 'Copying…',
    diagnosticsHint: 'Versions, the state, the last lines of the log; without secrets. Nothing is sent anywhere.',
    diagnosticsCopied: 'Copied. Paste it to whoever helps you.',
    diagnosticsFailed: 'The clipboard is not available. Select the text and copy it by hand.',
    diagnosticsText: 'Diagnostics',
    data: 'Your data',
    dataHint: 'Settings, the access log and logs are in this folder on this machine, and nowhere else.',
    secrets: 'Your secrets',
    vaults: {
      keychain: 'In the system’s keychain, which opens with your login.',
      'safe-storage': 'In a file that the system’s keychain encrypts.',
      file: 'In an encrypted file in the folder above, readable by you only. Whoever can read all your files can read it too.',
      memory: 'In memory only: this laptop must join its edge again after a restart.',
    },
    about: 'About',
    aboutText: (version: string, host: string) => `Porthole ${version}, ${host}.`,
    hosts: { electron: 'as a desktop app', web: 'in a browser', headless: 'without a window' },
    license: 'Apache License 2.0.',
    pause: 'Pause everything',
    pauseHint: 'Takes everything on this laptop offline until you resume, over restarts too.',
  },
  toasts: {
    label: 'News',
    dismiss: (title: string) => `Dismiss: ${title}`,
    show: 'Show it',
  },
} as const;
