import type { Stats } from '@hubbub/protocol/rest.js';
import { useEffect } from 'react';
import { hashOf } from '../router.js';
import { useSession } from '../session/session-context.js';
import { Icon } from '../ui/icon.js';
import { waitOf } from '../ui/time.js';
import { Chart } from './chart.js';
import { latencyPercentile, messageRate, type Sample } from './samples.js';
import { useChannelNames } from './use-channel-names.js';
import { useSamples } from './use-samples.js';

/** Looks that a chart is wide: five minutes. */
const WIDTH = 150;
/** Channels that are listed. */
const MAX_CHANNELS = 50;

/** How the server is doing, drawn live. */
export default function OperatorPage() {
  const { client } = useSession();
  const { instances, problem } = useSamples(client);
  useEffect(() => {
    document.title = 'Operator · Hubbub';
  }, []);
  return (
    <div className="channel">
      <header className="head">
        <a className="icon-button only-narrow" href={hashOf({ view: 'home' })} aria-label="Back to the channels">
          <Icon name="back" />
        </a>
        <div className="head-title">
          <h2>
            <Icon name="chart" />
            Operator
          </h2>
          <p className="head-about">The last five minutes, every two seconds</p>
        </div>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard, too */}
      <section className="page" aria-label="Operator" tabIndex={0}>
        <div className="page-body page-wide">
          {problem !== '' && (
            <p className="strip strip-warn" role="status">
              {problem}
            </p>
          )}
          {[...instances].map(([id, samples]) => (
            <Instance key={id} id={id} samples={samples} />
          ))}
        </div>
      </section>
    </div>
  );
}

function Instance({ id, samples }: { readonly id: string; readonly samples: readonly Sample[] }) {
  const stats = samples.at(-1)?.stats;
  if (stats === undefined) return null;
  const each = (value: (index: number) => number | null) => samples.map((_, index) => value(index));
  const percentile = (share: number) => each((index) => latencyPercentile(samples, index, share));
  return (
    <section className="instance" aria-label={`Instance ${id}`}>
      <header className="instance-head">
        <h3>
          Instance <code>{id}</code>
        </h3>
        <span className={stats.status === 'ok' ? 'badge badge-accent' : 'badge badge-warn'}>{stats.status}</span>
        <span className="hint">up for {waitOf(stats.uptime_seconds * 1000)}</span>
      </header>
      <div className="charts">
        <Chart
          title="Connections"
          unit=""
          width={WIDTH}
          series={[{ name: 'Connections', values: each((index) => samples[index]?.stats.total_connections ?? null) }]}
        />
        <Chart
          title="Active channels"
          unit=""
          width={WIDTH}
          series={[{ name: 'Channels', values: each((index) => samples[index]?.stats.active_channels ?? null) }]}
        />
        <Chart
          title="Messages"
          unit="/s"
          width={WIDTH}
          series={[{ name: 'Messages', values: each((index) => messageRate(samples, index)) }]}
        />
        <Chart
          title="Latency"
          unit="ms"
          width={WIDTH}
          series={[
            { name: 'p50', values: percentile(0.5) },
            { name: 'p95', values: percentile(0.95) },
            { name: 'p99', values: percentile(0.99) },
          ]}
        />
      </div>
      <Channels stats={stats} />
    </section>
  );
}

function Channels({ stats }: { readonly stats: Stats }) {
  const channels = stats.channels.toSorted((a, b) => b.connections - a.connections).slice(0, MAX_CHANNELS);
  const names = useChannelNames(channels.map(({ channel_id: id }) => id));
  if (channels.length === 0) return <p className="list-note">Nobody is in a channel on this instance.</p>;
  return (
    <table className="table">
      <caption className="visually-hidden">Channels by their connections on this instance</caption>
      <thead>
        <tr>
          <th scope="col">Channel</th>
          <th scope="col">Connections</th>
          <th scope="col">Online</th>
          <th scope="col">Last seq</th>
        </tr>
      </thead>
      <tbody>
        {channels.map(({ channel_id: id, connections, online, last_seq: lastSeq }) => (
          <tr key={id}>
            <th scope="row">
              <a href={hashOf({ view: 'channel', channelId: id })}>{names.get(id) ?? id}</a>
            </th>
            <td>{connections}</td>
            <td>{online}</td>
            <td>{lastSeq}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
