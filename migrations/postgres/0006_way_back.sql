-- Where somebody who forgot his password was going: he is led on when he has set another. A path of this server, or nothing.
ALTER TABLE one_time_tokens ADD COLUMN return_to TEXT;
