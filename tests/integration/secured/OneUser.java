import io.trino.spi.Plugin;
import io.trino.spi.security.AccessDeniedException;
import io.trino.spi.security.BasicPrincipal;
import io.trino.spi.security.PasswordAuthenticator;
import io.trino.spi.security.PasswordAuthenticatorFactory;
import java.util.List;
import java.util.Map;

/** A Trino plugin that knows one user: the plugins with files of passwords and with LDAP are in no registry. */
public final class OneUser implements Plugin, PasswordAuthenticatorFactory {
  @Override
  public Iterable<PasswordAuthenticatorFactory> getPasswordAuthenticatorFactories() {
    return List.of(this);
  }

  @Override
  public String getName() {
    return "one-user";
  }

  @Override
  public PasswordAuthenticator create(Map<String, String> config) {
    return (user, password) -> {
      if (!user.equals(config.get("user")) || !password.equals(config.get("password"))) {
        throw new AccessDeniedException("unknown user or wrong password");
      }
      return new BasicPrincipal(user);
    };
  }
}
