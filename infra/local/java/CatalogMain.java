import java.io.Reader;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.CatalogUtil;
import org.apache.iceberg.rest.RESTCatalogAdapter;
import org.apache.iceberg.rest.RESTCatalogServlet;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;

/**
 * Serves an Iceberg catalog over REST on one address.
 *
 * <p>Iceberg's own RESTCatalogServer has no authentication and always listens on every interface,
 * which would offer the lake to the whole network; this wires the same servlet to one host.
 *
 * <p>Arguments: host, port, and a properties file with the catalog's settings (it holds passwords,
 * so it is a file and not the command line).
 */
public final class CatalogMain {
    private CatalogMain() {}

    public static void main(String[] arguments) throws Exception {
        var address = new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1]));
        var catalog = CatalogUtil.buildIcebergCatalog("lake", read(Path.of(arguments[2])), new Configuration());
        var context = new ServletContextHandler();
        context.addServlet(new ServletHolder(new RESTCatalogServlet(new RESTCatalogAdapter(catalog))), "/*");
        var server = new Server(address);
        server.setHandler(context);
        server.setStopAtShutdown(true);
        server.start();
        server.join();
    }

    private static Map<String, String> read(Path file) throws Exception {
        var properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        }
        var settings = new HashMap<String, String>();
        properties.forEach((name, value) -> settings.put(name.toString(), value.toString()));
        return settings;
    }
}
