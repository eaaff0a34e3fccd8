import io.trino.server.Server;

/** Starts Trino: its own launcher is not among the published artifacts. */
public final class TrinoMain {
    private TrinoMain() {}

    public static void main(String[] arguments) {
        new Server().start(arguments[0]);
    }
}
