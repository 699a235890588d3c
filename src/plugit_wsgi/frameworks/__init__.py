"""The middleware as a user of a web framework expects it: a module for each, which nothing else imports."""
