package org.apache.flink.metrics.prometheus;

import io.prometheus.client.exporter.HTTPServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Properties;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * Offers Flink's metrics to Prometheus on loopback; Flink's own factory knows only a port, and opens it on every
 * interface. In Flink's package, because the registry of its reporter is visible only there.
 */
public final class LoopbackReporterFactory implements MetricReporterFactory {
    @Override
    public MetricReporter createMetricReporter(Properties properties) {
        return new Reporter(Integer.parseInt(properties.getProperty("port")));
    }

    private static final class Reporter extends AbstractPrometheusReporter {
        private final HTTPServer server;

        Reporter(int port) {
            try {
                server = new HTTPServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), registry, true);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }

        @Override
        public void close() {
            server.stop();
            super.close();
        }
    }
}
