/** What `--help` adds: examples, and what the exit code means. */
export const HELP = {
  porthole: `
Examples:
  porthole expose 3000                    publish localhost:3000 until Ctrl+C
  porthole services add 8080 --name shop  publish localhost:8080 until it is removed
  porthole status                         say how the connection is

Without a cluster that was joined, an edge inside Porthole is used: its names work on this machine.
Exit codes: 0 it worked, 1 it failed, 2 the command line is wrong.
PORTHOLE_HOME is the folder where Porthole keeps its data; NO_COLOR switches colours off. HTTPS_PROXY names an HTTP
proxy that leads to a joined edge, NO_PROXY what is reached without it.`,
  expose: `
Examples:
  porthole expose 3000
  porthole expose 5173 --with-name-prefix demo --expires 2h
  porthole expose 5173 --with-pin 042917
  porthole expose 5173 --with-user-groups sales,support
  porthole expose 8443 --protocol https --copy --qr
  porthole expose 80 --host 192.168.1.20
  porthole expose 5432 --protocol tcp --with-external-port 15432
  porthole expose 53 --protocol udp
  porthole expose 50051 --http2
  porthole expose unix:/run/app.sock

tcp and udp services get a port of their own; tls is carried unopened, with your server's own certificate.
Anyone who has the URL can open it, unless you ask for a PIN, a password or a sign-in. It ends with Ctrl+C, at once.
With --json the first line has name, url, domain, protocol, internal and external, and a note when the port that was
asked for is another's; each request follows as a line.`,
  share: `
Examples:
  porthole share shop --expires 2h --uses 1 --label "client demo"
  porthole share shop --qr

A share link is a secret: whoever has it comes in. It is shown once.`,
  shares: `
Examples:
  porthole shares
  porthole shares shop --json
  porthole shares --revoke 01jabc…`,
  services: `
Examples:
  porthole services
  porthole services add 3000 --name shop
  porthole services add-target shop 4000 --path /api
  porthole services show shop
  porthole services disable shop
  porthole services remove shop`,
  servicesList: `
Examples:
  porthole services list
  porthole services list --json | jq -r .url`,
  servicesAdd: `
Examples:
  porthole services add 3000
  porthole services add 3000 --name shop
  porthole services add 443 --host nas.lan --protocol https --name files
  porthole services add unix:/run/app.sock --name app
  porthole services add 5432 --protocol tcp --host 10.0.0.7 --subnet 10.0.0.0/24
  porthole services add 5432 --protocol tcp --name db --listen-port 15432
  porthole services add 3000 --name shop --password --allow-country DE

Anyone who has the URL can open it, unless you say who may, for as long as this machine is connected ("porthole up",
or the app).`,
  servicesAddTarget: `
Examples:
  porthole services add-target shop 4000 --path /api
  porthole services add-target shop 8443 --path /admin --protocol https --no-verify --preserve-path
  porthole services add-target shop 5000 --path /search --on build-server --response-timeout 30s
  porthole services add-target shop 4000 --path /api --header "X-Api-Key: secret"

The longest path that fits takes a request; /api takes /api and /api/x, not /apiv2, and is cut off on the way.`,
  servicesSet: `
Examples:
  porthole services set shop --rewrite-redirects --no-pass-host-header
  porthole services set shop --disable-target /api
  porthole services set shop --target /api --port 4001 --response-timeout 1m
  porthole services set shop --target /api --header ""   takes its headers away
  porthole services set shop --pin --no-password          a new PIN, and no password any more
  porthole services set shop --allow-cidr 10.0.0.0/8 --crowdsec enforce

--connect-timeout none and --response-timeout none take back what was set.
Exit codes: 0 it is changed, 1 it is not, 2 the command line is wrong.`,
  servicesChange: `
The name is the public name, such as "shop" of shop.example.com, the whole of that, or the service's id.`,
  up: `
Examples:
  porthole up
  PORTHOLE_HOME=/var/lib/porthole porthole up --json

It runs until Ctrl+C. On a server without a keychain the credential is kept in a file that only you may read;
PORTHOLE_PASSPHRASE encrypts that file with a passphrase of yours.`,
  status: `
Example:
  porthole status

Exit code 0 when Porthole runs here, 1 when it doesn't.`,
  logs: `
Examples:
  porthole logs --limit 20
  porthole logs -f --service shop
  porthole logs -f --json | jq .path`,
  join: `
Examples:
  porthole join https://edge.example.com --token phj_…
  porthole join https://10.0.0.5:8443 --token phj_… --fingerprint 3f7a…
  porthole join https://edge.example.com --token phj_… --ca ca.pem --name build-server
  porthole join 'porthole://join/edge.example.com?token=phj_…&fingerprint=3f7a…'

The operator of the edge makes a token with "porthole edge token create".`,
  leave: `
Example:
  porthole leave

Porthole then uses the edge inside it again, and the services that lived there before.`,
  trust: `
Example:
  porthole trust

Browsers then open the https addresses of the embedded edge without a warning.`,
} as const;
